"""The client against real sockets: loopback receivers, and an internet that leads there."""

import asyncio
import gc
import socket
import sys
import time

import pytest

from tests.delivery.posting import (
    LOOPBACK,
    METADATA,
    PUBLIC,
    STRICT,
    WITH_HTTP,
    post,
    send,
)
from tests.receiver import Receiver
from tests.waiting import PATIENCE
from webhooks.delivery.client import Client
from webhooks.delivery.result import UNREACHABLE

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
    began = time.perf_counter()
    body = b'{"a": "\xc3\xa9"}'
    result = send(
        receiver.url("/hook/a%2Fb?x=%26&empty="),
        body=body,
        headers={"Content-Type": "application/json", "webhook-id": "msg_1"},
    )
    assert (result.outcome, result.status, result.body) == ("ok", 201, b"thanks")
    assert ("X-One", "a") in result.headers
    assert 0 < result.duration < time.perf_counter() - began
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


def test_it_lets_the_callers_headers_win_but_for_the_host_and_the_length(receiver):
    send(
        receiver.url(),
        user_agent="WebhookPortal/1.2",
        headers={
            "user-agent": "Topiic-Webhooks/1.0",
            "host": "evil.example.com",
            "content-length": "1",
            "Transfer-Encoding": "chunked",
            "Connection": "close",
        },
    )
    (request,) = receiver.requests
    assert request.header("user-agent") == "Topiic-Webhooks/1.0"
    assert request.header("host") == f"127.0.0.1:{receiver.port}"
    assert request.header("content-length") == "2"
    assert request.header("transfer-encoding") is None
    assert request.header("connection") is None
    assert request.body == b"{}"


@pytest.mark.parametrize("path", ["/?", "//two//slashes/../x", "/a?b?c", "/%7E%7e"])
def test_it_sends_every_byte_of_the_path(receiver, path):
    send(receiver.url(path))
    assert receiver.requests[0].path == path


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0"])
@pytest.mark.parametrize("where", ["name", "value"])
def test_it_refuses_headers_that_would_end_the_line(receiver, end, where):
    odd = f"a{end}X-Injected: 1"
    headers = {"webhook-id": odd} if where == "value" else {odd: "a"}
    with pytest.raises(ValueError, match="header"):
        send(receiver.url(), headers=headers)
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
            receiver.answer(delay=PATIENCE)
    body = b"x" * 100_000
    patience = 0.3 if failure == "timeout" else 30

    async def several():
        async with Client(LOOPBACK) as client:
            before = sys.getrefcount(body)
            for _ in range(5):
                result = await post(client, url, body=body, timeout=patience)
                assert result.outcome == failure
            end = time.monotonic() + PATIENCE
            while (kept := sys.getrefcount(body) - before) and time.monotonic() < end:
                await asyncio.sleep(0.01)
            return kept

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


def test_it_leaves_no_lookup_behind_when_it_stops(internet):
    internet.hanging.add("slow-dns.example.org")

    async def stopped():
        async with Client(STRICT, resolve=internet.resolve) as client:
            await post(client, "https://slow-dns.example.org/", timeout=0.05)
            assert len(asyncio.all_tasks()) > 1
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(stopped()) == set()
