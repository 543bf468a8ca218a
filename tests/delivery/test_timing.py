"""Where the time of an attempt went: real sockets, names and addresses that dawdle."""

import asyncio
import socket

from tests.delivery.posting import post
from tests.waiting import PATIENCE
from webhooks.delivery.client import Client
from webhooks.delivery.egress_policy import EgressPolicy

LOOPBACK = EgressPolicy.parse("127.0.0.1")
WITH_HTTP = EgressPolicy.parse(allow_http=True)
FIRST = "93.184.216.34"
SECOND = "93.184.216.35"
WAIT = 0.3
MOST = 0.5  # of the time; a busy machine needs some of it for the beginning


def ask(*urls, policy=WITH_HTTP, together=False, timeout=PATIENCE, **options):
    """The results of one client's posts, one after the other unless `together`."""

    async def posts():
        async with Client(policy, **options) as client:
            one_by_one = (post(client, url, timeout=timeout) for url in urls)
            if together:
                return await asyncio.gather(*one_by_one)
            return [await post for post in one_by_one]

    return asyncio.run(posts())


def dawdling(internet, *, host):
    async def resolve(name, port):
        if name == host:
            await asyncio.sleep(WAIT)
        return await internet.resolve(name, port)

    return resolve


def test_a_name_that_is_slow_is_the_lookups_time(internet, receiver):
    internet.places[FIRST] = receiver
    internet.name("slow.example.com", [FIRST])
    resolve = dawdling(internet, host="slow.example.com")

    (result,) = ask("http://slow.example.com/", resolve=resolve)

    assert result.outcome == "ok"
    assert result.lookup >= WAIT
    assert result.lookup + result.connect <= result.duration


def test_an_address_that_hangs_is_the_connections_time(internet, receiver):
    internet.hanging.add(FIRST)
    internet.places[SECOND] = receiver
    internet.name("hooks.example.com", [FIRST, SECOND])

    (result,) = ask("http://hooks.example.com/", resolve=internet.resolve, timeout=4)

    assert result.outcome == "ok"
    assert result.connect > 1, "its half of the time, but for what is lost before"
    assert result.lookup + result.connect <= result.duration


def test_a_slow_answer_counts_as_neither_lookup_nor_connection(receiver):
    receiver.answer(delay=WAIT)
    (result,) = ask(receiver.url(), policy=LOOPBACK)
    assert result.connect + WAIT <= result.duration


def test_what_needed_no_lookup_and_no_connection_has_no_time_for_them(receiver):
    first, second = ask(receiver.url("/1"), receiver.url("/2"), policy=LOOPBACK)
    assert receiver.connections == 1
    assert (first.lookup, second.lookup, second.connect) == (None, None, None)
    assert first.connect > 0


def test_a_deadline_in_the_lookup_leaves_no_time_for_a_connection(internet):
    internet.hanging.add("slow.example.com")
    (result,) = ask("http://slow.example.com/", resolve=internet.resolve, timeout=WAIT)
    assert result.outcome == "timeout"
    assert MOST * result.duration <= result.lookup <= result.duration
    assert result.connect is None


def test_a_handshake_that_never_ends_is_the_connections_time():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}/"
        (result,) = ask(url, policy=LOOPBACK, timeout=WAIT)
    assert result.outcome == "timeout"
    assert MOST * result.duration <= result.connect <= result.duration


def test_each_of_many_at_once_has_its_own(internet, receiver):
    internet.places[FIRST] = receiver
    internet.name("slow.example.com", [FIRST])
    internet.name("quick.example.com", [FIRST])
    resolve = dawdling(internet, host="slow.example.com")

    slow, quick = ask(
        "http://slow.example.com/",
        "http://quick.example.com/",
        resolve=resolve,
        together=True,
    )

    assert slow.lookup >= WAIT
    assert quick.lookup < slow.lookup
    assert slow.connect is not None
    assert quick.connect is not None
