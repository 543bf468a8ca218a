"""The client against real sockets: loopback receivers, and an internet that leads there."""

import asyncio
import gc
import gzip
import itertools
import json
import socket
import ssl
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.receiver import Receiver
from webhooks.delivery import answer, lookup
from webhooks.delivery import client as client_module
from webhooks.delivery.allowlist import Policy
from webhooks.delivery.client import Client
from webhooks.delivery.result import UNREACHABLE, Outcome

LOOPBACK = Policy.parse("127.0.0.1 localhost")
STRICT = Policy()
WITH_HTTP = Policy.parse(allow_http=True)
PUBLIC = "93.184.216.34"
OTHER = "93.184.216.35"
METADATA = "169.254.169.254"

CASES = json.loads((Path(__file__).parent / "ssrf_cases.json").read_text("utf-8"))


async def post(client, url, *, body=b"{}", headers=None, timeout=30.0):
    return await client.send(url, body=body, headers=headers or {}, timeout=timeout)


def send(url, policy=LOOPBACK, *, body=b"{}", headers=None, timeout=30.0, **options):
    """One post by a client of its own."""

    async def once():
        async with Client(policy, **options) as client:
            return await post(client, url, body=body, headers=headers, timeout=timeout)

    return asyncio.run(once())


# --- A plain exchange ----------------------------------------------------------------


def test_it_says_why_there_is_no_connection():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        result = send(f"http://127.0.0.1:{port}/")
    assert result.outcome == "connect"
    assert result.error == f"127.0.0.1 port {port}: Connection refused"


def test_it_posts_the_bytes_and_returns_the_answer(receiver):
    receiver.answer(status=201, headers={"X-One": "a"}, body=b"thanks")
    body = b'{"a": "\xc3\xa9"}'
    result = send(
        receiver.url("/hook/a%2Fb?x=%26&empty="),
        body=body,
        headers={"Content-Type": "application/json", "webhook-id": "msg_1"},
    )
    assert (result.outcome, result.status, result.body) == ("ok", 201, b"thanks")
    assert ("X-One", "a") in result.headers
    assert 0 < result.duration < 5
    assert (result.error, result.public_error) == ("", "")
    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/hook/a%2Fb?x=%26&empty=")
    assert request.body == body
    assert request.header("content-type") == "application/json"
    assert request.header("content-length") == str(len(body))
    assert request.header("webhook-id") == "msg_1"
    assert request.header("host") == f"127.0.0.1:{receiver.port}"
    assert request.header("user-agent") == "WebhookPortal"
    assert request.header("accept-encoding") == "identity"


def test_it_lets_the_callers_headers_win_but_for_the_host(receiver):
    send(
        receiver.url(),
        user_agent="WebhookPortal/1.2",
        headers={"user-agent": "Topiic-Webhooks/1.0", "host": "evil.example.com"},
    )
    (request,) = receiver.requests
    assert request.header("user-agent") == "Topiic-Webhooks/1.0"
    assert request.header("host") == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("path", ["/?", "//two//slashes/../x", "/a?b?c", "/%7E%7e"])
def test_it_sends_every_byte_of_the_path(receiver, path):
    send(receiver.url(path))
    assert receiver.requests[0].path == path


def test_it_refuses_headers_that_would_end_the_line(receiver):
    with pytest.raises(ValueError, match="header"):
        send(receiver.url(), headers={"webhook-id": "a\r\nX-Injected: 1"})
    assert receiver.requests == []


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_it_returns_an_answer_that_is_no_success(receiver, status):
    receiver.answer(status=status, headers={"Retry-After": "7"}, body=b"no")
    result = send(receiver.url())
    assert (result.outcome, result.status, result.body) == ("status", status, b"no")
    assert ("Retry-After", "7") in result.headers
    assert result.public_error == f"The endpoint answered with status {status}."


def test_it_keeps_no_cookies(receiver, internet):
    internet.places[PUBLIC] = receiver
    internet.name("hooks.example.com", [PUBLIC])
    receiver.answer(headers={"Set-Cookie": "a=b; Path=/"})

    async def twice():
        async with Client(WITH_HTTP, resolve=internet.resolve) as client:
            # Also where aiohttp would take one: it keeps none of bare addresses.
            client._session.cookie_jar.update_cookies({"c": "d"})
            for _ in range(2):
                await post(client, "http://hooks.example.com/")

    asyncio.run(twice())
    assert [request.header("cookie") for request in receiver.requests] == [None, None]


def test_it_reads_nothing_from_the_environment(receiver, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert send(receiver.url()).outcome == "ok"
    assert receiver.requests[0].header("authorization") is None


# --- Redirects -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_it_never_follows_a_redirect(receiver, internet, status):
    internet.places = {PUBLIC: receiver, METADATA: receiver}
    internet.name("hooks.example.com", [PUBLIC])
    with Receiver() as second:
        for location in (f"http://{METADATA}/latest/meta-data/", second.url()):
            receiver.answer(status=status, headers={"Location": location})
            result = send(
                "http://hooks.example.com/", WITH_HTTP, resolve=internet.resolve
            )
            assert (result.outcome, result.status) == ("redirect", status)
            assert "redirect" in result.public_error
        assert second.connections == 0
    assert internet.dialled == [PUBLIC, PUBLIC]


# --- Names and addresses -------------------------------------------------------------

# What the stub resolver answers in each case of the list that is refused at connect;
# an empty set of dials follows unless the case says otherwise.
ANSWERS = {
    "compat.example.org": [["::7f00:1"]],
    "self.example.org": [["198.41.0.4"]],
    "10-0-0-1.sslip.io": [["10.0.0.1"]],
    "a9fea9fe.nip.io": [[METADATA]],
    "zero.example.org": [["0.0.0.0"]],
    "7f000001.08080808.rbndr.us": [["127.0.0.1"], ["8.8.8.8"]],
    "nat64.example.org": [["64:ff9b::a9fe:a9fe"]],
    "lvh.me": [["127.0.0.1", "::1"]],
    "mapped.example.org": [["::ffff:127.0.0.1"]],
    "127.0.0.1.nip.io": [["127.0.0.1"]],
    "cgnat.example.org": [["100.64.0.1"]],
    "v6only-private.example.org": [["fd00:ec2::254"]],
}


def case_names():
    urls = [case["url"] for case in CASES if case["expect"] == "reject-at-connect"]
    return [url.removeprefix("https://").rstrip("/") for url in urls]


def test_it_has_an_answer_for_every_case_of_the_list():
    own = {"flip.example.org", "nxdomain.example.org", "slow-dns.example.org"}
    assert set(case_names()) == ANSWERS.keys() | own


@pytest.mark.parametrize("host", ANSWERS)
def test_it_dials_nothing_when_a_name_leads_inside(internet, host):
    internet.name(host, *ANSWERS[host])
    result = send(
        f"https://{host}/",
        Policy.parse(self_addresses="198.41.0.4"),
        resolve=internet.resolve,
    )
    assert result.outcome == Outcome.REFUSED
    assert (result.status, result.headers, result.body) == (None, (), b"")
    assert internet.asked == [host]
    assert internet.dialled == []


@pytest.mark.parametrize(
    "answer",
    [[PUBLIC, "127.0.0.1"], ["2606:4700::1", "fd00::1"], [PUBLIC, "::ffff:10.0.0.1"]],
)
def test_it_refuses_the_whole_answer_for_one_bad_address(internet, receiver, answer):
    internet.places[PUBLIC] = receiver
    internet.name("mixed.example.org", answer)
    result = send("http://mixed.example.org/", WITH_HTTP, resolve=internet.resolve)
    assert result.outcome == "refused"
    assert internet.dialled == []


def test_it_dials_the_address_it_checked_when_the_name_flips(internet):
    internet.name("flip.example.org", [PUBLIC], ["127.0.0.1"])
    result = send("https://flip.example.org/", STRICT, resolve=internet.resolve)
    assert result.outcome == "connect"
    assert internet.asked == ["flip.example.org"]
    assert internet.dialled == [PUBLIC]


def test_it_checks_again_at_every_attempt(internet, receiver, monkeypatch):
    """Also while the connection of the first attempt is still open."""
    monkeypatch.setattr(lookup, "KEPT_SECONDS", 0)
    internet.places = {PUBLIC: receiver, OTHER: receiver, "127.0.0.1": receiver}
    internet.name(
        "flip.example.org", [PUBLIC], [PUBLIC], [OTHER], ["127.0.0.1"], [PUBLIC]
    )

    async def five_times():
        async with Client(WITH_HTTP, resolve=internet.resolve) as client:
            results = []
            for _ in range(5):
                results.append(await post(client, "http://flip.example.org/"))
                await asyncio.sleep(0.01)
            return [result.outcome for result in results]

    assert asyncio.run(five_times()) == ["ok", "ok", "ok", "refused", "ok"]
    first, again, moved, back = [r.connection for r in receiver.requests]
    assert first == again == back, "the open connection is used while its address holds"
    assert moved != first, "and not when the name has moved"
    assert internet.dialled == [PUBLIC, OTHER]


def test_it_does_not_share_a_connection_between_names_at_one_address(
    internet, receiver
):
    internet.places[PUBLIC] = receiver
    internet.name("one.example.org", [PUBLIC])
    internet.name("two.example.org", [PUBLIC])

    async def both():
        async with Client(WITH_HTTP, resolve=internet.resolve) as client:
            await post(client, "http://one.example.org/")
            await post(client, "http://two.example.org/")

    asyncio.run(both())
    assert [r.header("host") for r in receiver.requests] == [
        "one.example.org",
        "two.example.org",
    ]
    assert receiver.connections == 2


@pytest.mark.parametrize("answer", [OSError("NXDOMAIN"), UnicodeError("label"), []])
def test_it_reports_a_name_without_addresses(internet, answer):
    internet.name("nxdomain.example.org", answer)
    result = send("https://nxdomain.example.org/", STRICT, resolve=internet.resolve)
    assert result.outcome == "dns"
    assert internet.dialled == []


def test_it_counts_the_lookup_in_the_deadline(internet):
    internet.hanging.add("slow-dns.example.org")
    began = time.monotonic()
    result = send(
        "https://slow-dns.example.org/", STRICT, resolve=internet.resolve, timeout=0.1
    )
    assert result.outcome == "timeout"
    assert time.monotonic() - began < lookup.LONGEST_SECONDS
    assert internet.dialled == []


def test_it_ends_a_lookup_that_never_ends(internet, monkeypatch):
    monkeypatch.setattr(lookup, "LONGEST_SECONDS", 0.05)
    internet.hanging.add("slow-dns.example.org")
    internet.name("slow-dns.example.org", [PUBLIC])

    async def twice():
        async with Client(STRICT, resolve=internet.resolve) as client:
            first = await post(client, "https://slow-dns.example.org/")
            internet.hanging.clear()
            return first, await post(client, "https://slow-dns.example.org/")

    first, second = asyncio.run(twice())
    assert (first.outcome, second.outcome) == ("dns", "connect")


def test_it_asks_once_for_a_burst_and_again_a_second_later(internet, receiver):
    internet.places[PUBLIC] = receiver
    internet.name("hooks.example.com", [PUBLIC])

    async def bursts():
        async with Client(WITH_HTTP, resolve=internet.resolve) as client:
            url = "http://hooks.example.com/"
            await asyncio.gather(*[post(client, url) for _ in range(20)])
            await post(client, url)
            burst = len(internet.asked)
            await asyncio.sleep(lookup.KEPT_SECONDS + 0.2)
            await post(client, url)
            return burst, len(internet.asked)

    assert asyncio.run(bursts()) == (1, 2)


def test_it_leaves_a_shared_lookup_to_those_that_still_wait(internet):
    internet.hanging.add("hooks.example.com")
    internet.name("hooks.example.com", [PUBLIC])
    release = asyncio.Event()

    async def resolve(host, port):
        await release.wait()
        return [PUBLIC]

    async def impatient_and_patient():
        async with Client(STRICT, resolve=resolve) as client:
            url = "https://hooks.example.com/"
            patient = asyncio.create_task(post(client, url))
            impatient = await post(client, url, timeout=0.05)
            release.set()
            return impatient.outcome, (await patient).outcome

    assert asyncio.run(impatient_and_patient()) == ("timeout", "connect")


def test_it_reaches_an_address_in_the_url_without_asking(internet, receiver):
    internet.places[PUBLIC] = receiver
    result = send(f"http://{PUBLIC}/", WITH_HTTP, resolve=internet.resolve)
    assert result.outcome == "ok"
    assert internet.asked == []
    assert receiver.requests[0].header("host") == PUBLIC


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", f"https://{METADATA}/", "ftp://a"]
)
def test_it_refuses_a_url_that_was_stored_before_the_policy(internet, url):
    result = send(url, STRICT, resolve=internet.resolve)
    assert result.outcome == "refused"
    assert internet.dialled == internet.asked == []


def test_it_tries_the_other_addresses_of_a_name(internet, receiver):
    internet.places[PUBLIC] = receiver
    internet.name("hooks.example.com", ["2606:4700::1", OTHER, PUBLIC])
    result = send("http://hooks.example.com/", WITH_HTTP, resolve=internet.resolve)
    assert result.outcome == "ok"
    assert internet.dialled == ["2606:4700::1", OTHER, PUBLIC]


def test_it_gives_no_address_the_time_of_all(internet, receiver):
    internet.places[PUBLIC] = receiver
    internet.hanging.add(OTHER)
    internet.name("hooks.example.com", [OTHER, PUBLIC])
    result = send(
        "http://hooks.example.com/", WITH_HTTP, resolve=internet.resolve, timeout=1
    )
    assert result.outcome == "ok"
    assert 0.4 < result.duration < 0.9


def test_it_dials_a_few_addresses_at_most(internet):
    internet.name("many.example.org", [f"93.184.216.{n}" for n in range(1, 200)])
    result = send("https://many.example.org/", STRICT, resolve=internet.resolve)
    assert result.outcome == "connect"
    assert len(internet.dialled) == client_module.MAX_DIALS
    assert "93.184.216.1 port 443" in result.error


def test_it_asks_the_systems_resolver_by_default(receiver):
    assert send(receiver.url(host="localhost")).outcome == "ok"
    assert receiver.requests[0].header("host") == f"localhost:{receiver.port}"


# --- TLS -----------------------------------------------------------------------------


def secured(receiver, internet, authority, host="hooks.example.com"):
    internet.places[PUBLIC] = receiver
    internet.name(host, [PUBLIC])
    return send(
        f"https://{host}/",
        STRICT,
        resolve=internet.resolve,
        ssl_context=authority.trusted_by(),
    )


def test_it_verifies_the_name_of_the_host_not_of_the_address(
    secure_receiver, internet, authority
):
    receiver = secure_receiver("valid")
    assert secured(receiver, internet, authority).outcome == "ok"
    assert receiver.requests[0].header("host") == "hooks.example.com"


def test_it_verifies_an_address_in_the_url(secure_receiver, authority):
    receiver = secure_receiver("valid")
    result = send(receiver.url(), ssl_context=authority.trusted_by())
    assert result.outcome == "ok"


@pytest.mark.parametrize("kind", ["expired", "wrong_host", "stranger", "self_signed"])
def test_it_sends_nothing_to_a_receiver_without_a_valid_certificate(
    secure_receiver, internet, authority, kind
):
    receiver = secure_receiver(kind)
    result = secured(receiver, internet, authority)
    assert result.outcome == "tls"
    assert "certificate" in result.error.lower()
    assert receiver.requests == []


def test_it_trusts_the_systems_store_by_default(secure_receiver):
    receiver = secure_receiver("valid")
    assert send(receiver.url()).outcome == "tls"
    assert receiver.requests == []


def test_it_reports_a_receiver_that_does_not_speak_tls(receiver):
    result = send(receiver.url().replace("http:", "https:"))
    assert result.outcome == "tls"


def test_it_does_not_reuse_a_connection_verified_for_another_name(
    secure_receiver, internet, authority
):
    receiver = secure_receiver("valid")
    internet.places[PUBLIC] = receiver
    internet.name("hooks.example.com", [PUBLIC])
    internet.name("victim.example.org", [PUBLIC])

    async def both():
        options = {"resolve": internet.resolve, "ssl_context": authority.trusted_by()}
        async with Client(STRICT, **options) as client:
            first = await post(client, "https://hooks.example.com/")
            return first, await post(client, "https://victim.example.org/")

    first, second = asyncio.run(both())
    assert (first.outcome, second.outcome) == ("ok", "tls")


def test_it_takes_no_context_that_does_not_verify():
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    with pytest.raises(ValueError, match="verify"):
        Client(STRICT, ssl_context=unverified)
    unverified.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="verify"):
        Client(STRICT, ssl_context=unverified)


# --- Hostile answers -----------------------------------------------------------------


def endless(chunk=b"x" * 65536, count=2**14):
    """1 GiB."""
    return itertools.repeat(chunk, count)


def test_it_ends_a_slow_dripping_body_at_the_deadline(receiver):
    receiver.answer(body=b"x" * 1000, drip=0.02)
    result = send(receiver.url(), timeout=0.3)
    assert result.outcome == "timeout"
    assert 0.25 < result.duration < 10
    assert result.status is None


def test_it_ends_a_silent_answer_at_the_deadline(receiver):
    receiver.answer(delay=30)
    result = send(receiver.url(), timeout=0.2)
    assert result.outcome == "timeout"
    assert result.duration < 10


def test_it_reads_of_a_huge_body_only_the_cap(receiver):
    receiver.answer(body=endless())
    tracemalloc.start()
    result = send(receiver.url())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (result.outcome, result.status) == ("ok", 200)
    assert result.body == b"x" * answer.KEPT_BODY
    assert result.duration < 2
    assert peak < 8 * 1024 * 1024


def test_it_does_not_use_the_connection_of_a_cut_body_again(receiver):
    receiver.answer(body=endless())
    receiver.answer(body=b"x" * (answer.READ_LIMIT - 1))

    async def thrice():
        async with Client(LOOPBACK) as client:
            return [await post(client, receiver.url()) for _ in range(3)]

    results = asyncio.run(thrice())
    assert [len(result.body) for result in results] == [answer.KEPT_BODY] * 3
    cut, whole, again = [request.connection for request in receiver.requests]
    assert cut != whole
    assert whole == again


def test_it_does_not_inflate_a_compressed_body(receiver):
    bomb = gzip.compress(b"\0" * 50_000_000)
    receiver.answer(headers={"Content-Encoding": "gzip"}, body=bomb)
    tracemalloc.start()
    result = send(receiver.url())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.outcome == "ok"
    assert result.body == bomb[: answer.KEPT_BODY]
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize(
    "head",
    [
        b"X-Big: " + b"a" * 2**20,
        b"\r\n".join(b"X-%d: %s" % (n, b"a" * 1000) for n in range(1000)),
        b"\r\n".join(b"X-%d: a" % n for n in range(101)),
    ],
    ids=["one of 1 MB", "many of 1 MB", "too many"],
)
def test_it_gives_up_on_oversized_headers(receiver, head):
    receiver.answer(raw=b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
    result = send(receiver.url())
    assert result.outcome == "bad_answer"
    assert len(result.error) <= 500


def test_it_keeps_headers_to_a_size(receiver):
    receiver.answer(headers={f"X-{n:02}": "a" * 1000 for n in range(20)})
    result = send(receiver.url())
    assert result.outcome == "ok"
    size = sum(len(name) + len(value) for name, value in result.headers)
    assert 7000 < size <= answer.KEPT_HEADERS


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"-ERR unknown command 'POST'\r\n",
        b"HTTP/1.1 200 OK\r\nX-Null: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"",
    ],
)
def test_it_reports_an_answer_that_is_not_whole_http(receiver, raw):
    receiver.answer(raw=raw, drop=True)
    result = send(receiver.url())
    assert result.outcome == "bad_answer"
    assert result.error.isprintable()
    assert result.status is None


PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n",
        b"HTTP/1.0 204 None\r\n",
        b"HTTP/9.9 99999 \r\n",
        b"\r\n",
        b"\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: br\r\n",
        b"Content-Type: \xff; charset=none\r\n",
        b"Set-Cookie: \xff=;=\r\n",
        b"Connection: upgrade\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n",
    ]
)


def test_it_makes_a_result_of_any_answer(receiver, authority):
    """Nothing that a receiver sends stops the worker."""
    context = authority.trusted_by()

    @settings(max_examples=150, deadline=None)
    @given(raw=st.lists(st.one_of(PIECES, st.binary(max_size=8))).map(b"".join))
    def answered(raw):
        path = f"/{len(receiver.requests)}"
        receiver.answer(path, raw=raw)
        result = send(receiver.url(path), ssl_context=context)
        assert result.outcome in {"ok", "status", "redirect", "bad_answer"}
        assert result.error.isprintable()

    answered()


@pytest.mark.parametrize("status", [204, 304])
def test_it_takes_an_answer_without_a_body(receiver, status):
    receiver.answer(status=status)
    result = send(receiver.url())
    assert (result.status, result.body) == (status, b"")


def test_it_reads_any_byte_of_a_header_as_text(receiver):
    receiver.answer(raw=b"HTTP/1.0 200 OK\r\nX-Odd: caf\xe9\xff\r\n\r\nbody")
    result = send(receiver.url())
    assert ("X-Odd", "caf\xe9\xff") in result.headers
    assert result.body == b"body"


# --- What a partner may be told ------------------------------------------------------


def test_a_partner_reads_the_same_of_every_failure_without_an_answer(
    internet, receiver
):
    """No difference from which the ports behind a name could be read."""
    internet.places[PUBLIC] = receiver
    receiver.answer(raw=b"SSH-2.0\r\n")
    internet.hanging.add("93.184.216.40")
    internet.name("blocked.example.org", ["10.0.0.1"])
    internet.name("closed.example.org", ["93.184.216.39"])
    internet.name("filtered.example.org", ["93.184.216.40"])
    internet.name("other.example.org", [PUBLIC])

    def outcome_and_words(url):
        patience = 0.3 if "filtered" in url else 30
        result = send(url, WITH_HTTP, resolve=internet.resolve, timeout=patience)
        assert result.error
        return result.outcome, result.public_error

    told = dict(
        map(
            outcome_and_words,
            [
                "http://blocked.example.org/",
                "http://nxdomain.example.org/",
                "http://closed.example.org/",
                "http://filtered.example.org/",
                "http://other.example.org/",
                "https://other.example.org/",
            ],
        )
    )
    assert set(told) == {"refused", "dns", "connect", "timeout", "bad_answer", "tls"}
    assert set(told.values()) == {UNREACHABLE}


# --- Stopping ------------------------------------------------------------------------


@pytest.mark.parametrize("failure", ["refused", "connect", "bad_answer", "timeout"])
def test_a_failure_keeps_nothing_that_was_sent(receiver, failure):
    """Not until a collection either: a worker's are seldom, and bodies large."""
    url = receiver.url()
    match failure:
        case "refused":
            url = "http://10.0.0.1/"
        case "connect":
            url = "http://127.0.0.1:1999/"
        case "bad_answer":
            receiver.answer(raw=b"no HTTP\r\n\r\n")
        case "timeout":
            receiver.answer(delay=1)
    body = b"x" * 100_000
    patience = 0.3 if failure == "timeout" else 30

    async def several():
        async with Client(LOOPBACK) as client:
            before = sys.getrefcount(body)
            for _ in range(5):
                result = await post(client, url, body=body, timeout=patience)
                assert result.outcome == failure
            await asyncio.sleep(0.05)
            return sys.getrefcount(body) - before

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(several()) == 0
    finally:
        gc.enable()


def test_it_passes_on_a_cancellation(receiver):
    receiver.answer(delay=30)

    async def cancelled():
        async with Client(LOOPBACK) as client:
            task = asyncio.create_task(post(client, receiver.url()))
            await asyncio.sleep(0.1)
            task.cancel()
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())


def test_it_stops_while_a_lookup_hangs(internet):
    internet.hanging.add("slow-dns.example.org")
    began = time.monotonic()
    result = send(
        "https://slow-dns.example.org/", STRICT, resolve=internet.resolve, timeout=0.05
    )
    assert result.outcome == "timeout"
    assert time.monotonic() - began < lookup.LONGEST_SECONDS
