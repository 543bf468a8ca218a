"""What the client makes of hostile answers: endless, slow, oversized or no HTTP at all."""

import asyncio
import gzip
import itertools
import threading
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery.posting import LOOPBACK, post, send, send_in_time
from webhooks.delivery import answer
from webhooks.delivery.client import Client


def endless(chunk=b"x" * 65536, count=2**14):
    """1 GiB."""
    return itertools.repeat(chunk, count)


def test_it_ends_a_slow_dripping_body_at_the_deadline(receiver):
    receiver.answer(body=endless(b"x"), drip=0.02)
    result = send_in_time(receiver.url(), timeout=0.3)
    assert result.outcome == "timeout"
    assert result.duration >= 0.3
    assert result.status is None


def test_it_ends_a_silent_answer_at_the_deadline(receiver):
    receiver.answer(until=threading.Event())
    result = send_in_time(receiver.url(), timeout=0.2)
    assert result.outcome == "timeout"


def test_it_reads_of_a_huge_body_only_the_cap(receiver):
    sent = []
    receiver.answer(body=(sent.append(chunk) or chunk for chunk in endless()))
    tracemalloc.start()
    result = send(receiver.url())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (result.outcome, result.status) == ("ok", 200)
    assert result.body == b"x" * answer.KEPT_BODY
    assert len(sent) < 1000, "no more than fits between the two sockets"
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
