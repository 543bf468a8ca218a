"""Name servers that never answer, in real threads, and whom they delay."""

import asyncio
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from tests.delivery.posting import post
from tests.waiting import PATIENCE
from webhooks.delivery import lookup
from webhooks.delivery.client import Client
from webhooks.delivery.egress_policy import EgressPolicy

POLICY = EgressPolicy.parse("127.0.0.1 healthy.example.org")
ONE, OTHER, THIRD = uuid4(), uuid4(), uuid4()
SHORT = 0.2  # seconds for a post that must end without an answer


class NameServers:
    """Answer with this machine, but for names of `hanging.example.org`: for those they are
    silent until `end`."""

    def __init__(self):
        self.asked = []
        self.end = threading.Event()

    def getaddrinfo(self, host, port, **options):
        self.asked.append(host)
        if host.endswith(".hanging.example.org"):
            self.end.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def name_servers(monkeypatch):
    name_servers = NameServers()
    monkeypatch.setattr(socket, "getaddrinfo", name_servers.getaddrinfo)
    yield name_servers
    name_servers.end.set()


def hanging(count):
    return [f"https://{n}.hanging.example.org/" for n in range(count)]


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def under_way(client, urls, *, partner, timeout=PATIENCE):
    posts = [
        asyncio.create_task(post(client, url, partner=partner, timeout=timeout))
        for url in urls
    ]
    await asyncio.sleep(0)  # they begin
    yield posts
    for posting in posts:
        posting.cancel()
    await asyncio.gather(*posts, return_exceptions=True)


def test_names_that_hang_delay_only_the_deliveries_of_their_partner(
    name_servers, receiver
):
    healthy = receiver.url(host="healthy.example.org")

    async def delayed():
        async with Client(POLICY) as client:
            urls = hanging(lookup.MOST + 1)
            async with under_way(client, urls, partner=ONE):
                await until(lambda: len(name_servers.asked) >= lookup.MOST_OF_A_PARTNER)
                results = [
                    await post(client, healthy, partner=partner, timeout=timeout)
                    for partner, timeout in [(ONE, SHORT), (OTHER, PATIENCE)]
                ]
                assert len(name_servers.asked) == lookup.MOST_OF_A_PARTNER + 1
                return results

    own, others = asyncio.run(delayed())
    assert (own.outcome, others.outcome) == ("dns", "ok")
    assert own.error == (
        "the lookup could not begin in time: 8 of this partner, or 64 in all, were under way"
    )
    assert own.lookup >= SHORT


def test_a_name_that_waits_for_its_partner_is_looked_up_for_another(
    name_servers, receiver
):
    healthy = receiver.url(host="healthy.example.org")

    async def shared():
        async with Client(POLICY) as client:
            urls = [*hanging(lookup.MOST_OF_A_PARTNER), healthy]
            async with under_way(client, urls, partner=ONE):
                return await post(client, healthy, partner=OTHER)

    assert asyncio.run(shared()).outcome == "ok"


def test_those_that_waited_to_look_a_name_up_share_one_lookup(name_servers, receiver):
    healthy = receiver.url(host="healthy.example.org")

    async def shared():
        async with Client(POLICY) as client:
            urls = hanging(lookup.MOST_OF_A_PARTNER)
            async with (
                under_way(client, urls, partner=ONE),
                under_way(client, [healthy] * 20, partner=ONE) as posts,
            ):
                name_servers.end.set()
                results = await asyncio.gather(*posts)
            await until(lambda: client._lookups._room._value == lookup.MOST)
            return results

    assert {result.outcome for result in asyncio.run(shared())} == {"ok"}
    assert name_servers.asked.count("healthy.example.org") == 1


def test_a_lookup_counts_until_its_thread_ends(name_servers, receiver, monkeypatch):
    """Also when its deliveries, and the wait for it, are over."""
    monkeypatch.setattr(lookup, "LONGEST_SECONDS", SHORT / 2)
    healthy = receiver.url(host="healthy.example.org")

    async def ended():
        async with Client(POLICY) as client:
            posts = [
                post(client, url, partner=ONE)
                for url in hanging(lookup.MOST_OF_A_PARTNER)
            ]
            ended_early = await asyncio.gather(*posts)
            still = await post(client, healthy, partner=ONE, timeout=SHORT)
            name_servers.end.set()
            return ended_early, still, await post(client, healthy, partner=ONE)

    ended_early, still, free = asyncio.run(ended())
    assert {result.error for result in ended_early} == {
        "OSError: no answer within 0.1 s"
    }
    assert (still.outcome, free.outcome) == ("dns", "ok")


def test_all_partners_together_have_a_limited_number(
    name_servers, receiver, monkeypatch
):
    monkeypatch.setattr(lookup, "MOST", 2)
    monkeypatch.setattr(lookup, "MOST_OF_A_PARTNER", 1)
    healthy = receiver.url(host="healthy.example.org")

    async def crowded():
        async with Client(POLICY) as client:
            first, second = hanging(2)
            async with (
                under_way(client, [first], partner=ONE),
                under_way(client, [second], partner=OTHER),
            ):
                crowded = await post(client, healthy, partner=THIRD, timeout=SHORT)
                name_servers.end.set()
                return crowded, await post(client, healthy, partner=THIRD)

    crowded, free = asyncio.run(crowded())
    assert (crowded.outcome, free.outcome) == ("dns", "ok")


def test_it_keeps_nothing_of_partners_without_a_lookup(name_servers, receiver):
    async def after():
        async with Client(POLICY) as client:
            for _ in range(3):
                await post(client, receiver.url(host="healthy.example.org"))
            return len(client._lookups._shares), client._lookups._room._value

    assert asyncio.run(after()) == (0, lookup.MOST)


def test_a_name_server_that_never_answers_does_not_keep_a_process_from_ending():
    program = f"""
import asyncio, socket, threading
from uuid import uuid4
from webhooks.delivery.client import Client
from webhooks.delivery.egress_policy import EgressPolicy

socket.getaddrinfo = lambda *args, **options: threading.Event().wait()

async def once():
    async with Client(EgressPolicy()) as client:
        result = await client.send(
            "https://hooks.example.org/", body=b"", headers={{}}, timeout={SHORT},
            partner=uuid4())
        print(result.outcome)

asyncio.run(once())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "timeout\n", "")
