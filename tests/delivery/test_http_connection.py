"""Connections: when one is used again, when it is closed, and what is written to it."""

import asyncio
import time
import tracemalloc
from asyncio.sslproto import SSLProtocol
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.delivery import hostile
from tests.delivery.posting import (
    LOOPBACK,
    OTHER,
    PUBLIC,
    WITH_HTTP,
    post,
)
from tests.waiting import PATIENCE
from webhooks.delivery.client import Client
from webhooks.delivery.http import pool, sweeper
from webhooks.delivery.http.connection import QUICK_READS, READ_PAUSE, Connection
from webhooks.delivery.http.sweeper import Sweeper

OK = hostile.OK


class Served:
    """A server in the test's own event loop. `behave` is called for each request, after its
    head, and returns whether to wait for another."""

    def __init__(self, behave: Callable[..., Awaitable[bool]]) -> None:
        self._behave = behave
        self.port = 0
        self.requests = 0
        self.opened = 0
        self.closed = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def handle(self, reader, writer):
        self.opened += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                if not await self._behave(reader, writer):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.closed += 1
            writer.close()


@asynccontextmanager
async def serving(behave):
    served = Served(behave)
    server = await asyncio.start_server(served.handle, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


async def until(condition):
    """Raises TimeoutError when it never holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def answers(*pieces, pause=0.0, ends=False):
    async def behave(reader, writer):
        await reader.readexactly(2)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        return not ends

    return behave


async def silent(reader, writer):
    await reader.read()
    return False


# --- Using one again -------------------------------------------------------------------


async def _twice(behave):
    async with serving(behave) as served, Client(LOOPBACK) as client:
        results = [await post(client, served.url) for _ in range(2)]
        return [result.outcome for result in results], served.opened


@pytest.mark.parametrize(
    ("head", "connections"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1),
        (b"HTTP/1.1 204 No\r\n\r\n", 1),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 1),
        (b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 1),
        (hostile.CHUNKED + b"2\r\nok\r\n0\r\n\r\n", 1),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 2),
        (b"HTTP/1.0 204 No\r\nConnection: keep-alive\r\n\r\n", 1),
        (b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", 2),
    ],
)
def test_a_connection_is_used_again_unless_the_answer_says_otherwise(head, connections):
    outcomes, opened = asyncio.run(_twice(answers(head)))
    assert set(outcomes) <= {"ok", "status"}
    assert opened == connections


@pytest.mark.parametrize("pause", [0.0, 0.02])
@pytest.mark.parametrize("cut", range(5, 10))
def test_a_receiver_that_counts_characters_succeeds_every_time(cut, pause):
    """Whatever the timing: the rest may come before, with or after the next request."""
    body = '{"status":"принято"}'
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body.encode()
    edge = len(raw) - cut
    behave = answers(raw[:edge], raw[edge:], pause=pause)

    async def often():
        async with serving(behave) as served, Client(LOOPBACK) as client:
            results = [await post(client, served.url) for _ in range(8)]
            return {(r.outcome, r.body) for r in results}

    assert asyncio.run(often()) == {("ok", body.encode()[:20])}


def test_what_comes_unasked_closes_a_connection():
    async def then_more():
        behave = answers(OK, b"more", pause=0.05)
        async with serving(behave) as served, Client(LOOPBACK) as client:
            await post(client, served.url)
            await until(lambda: served.closed)
            return (await post(client, served.url)).outcome

    assert asyncio.run(then_more()) == "ok"


def test_a_connection_that_ended_meanwhile_is_not_used(receiver):
    """Not even where the event loop had no time to see the end."""
    receiver.answer(raw=OK)

    async def thrice():
        async with Client(LOOPBACK) as client:
            outcomes = []
            for _ in range(3):
                outcomes.append((await post(client, receiver.url())).outcome)
                time.sleep(0.1)
            return outcomes

    assert asyncio.run(thrice()) == ["ok"] * 3
    assert receiver.connections == 3


def test_what_may_have_been_received_is_not_sent_again():
    async def first_answers(reader, writer):
        await reader.readexactly(2)
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        return False

    outcomes, opened = asyncio.run(_twice(first_answers))
    assert outcomes == ["ok", "bad_answer"]
    assert opened == 1


def test_an_open_connection_goes_before_an_address_that_is_dead(internet, receiver):
    internet.places[PUBLIC] = receiver
    internet.name("hooks.example.com", [OTHER, PUBLIC])

    async def twice():
        async with Client(WITH_HTTP, resolve=internet.resolve) as client:
            return [
                (await post(client, "http://hooks.example.com/")).outcome
                for _ in range(2)
            ]

    assert asyncio.run(twice()) == ["ok", "ok"]
    assert internet.dialled == [OTHER, PUBLIC]
    assert receiver.connections == 1


# --- Closing ---------------------------------------------------------------------------


def test_it_keeps_a_limited_number_and_closes_the_oldest(monkeypatch):
    monkeypatch.setattr(pool, "MAX_IDLE", 3)

    async def five():
        async with Client(LOOPBACK) as client:
            servers = [serving(answers(OK)) for _ in range(5)]
            served = [await server.__aenter__() for server in servers]
            for one in served:
                await post(client, one.url)
            await until(lambda: sum(one.closed for one in served) == 2)
            closed = [one.closed for one in served]
            for one in reversed(served):
                await post(client, one.url)
            opened = [one.opened for one in served]
            for server in servers:
                await server.__aexit__(None, None, None)
            return closed, opened

    closed, opened = asyncio.run(five())
    assert closed == [1, 1, 0, 0, 0]
    assert opened == [2, 2, 1, 1, 1]


def test_it_closes_what_nobody_used_for_a_while(monkeypatch):
    monkeypatch.setattr(pool, "KEEP_ALIVE_SECONDS", 0.05)

    async def once():
        async with serving(answers(OK)) as served, Client(LOOPBACK) as client:
            await post(client, served.url)
            await until(lambda: served.closed)
            assert not client._pool._open

    asyncio.run(once())


def test_it_leaves_no_connection_behind_when_it_stops():
    async def stopped():
        async with serving(answers(OK)) as idle, serving(silent) as busy:
            async with Client(LOOPBACK) as client:
                await post(client, idle.url)
                posting = asyncio.create_task(post(client, busy.url))
                await until(lambda: busy.requests)
            result = await posting
            await until(lambda: idle.closed and busy.closed)
            return result.outcome

    assert asyncio.run(stopped()) == "bad_answer"


def test_a_post_that_is_cancelled_closes_its_connection():
    async def cancelled():
        async with serving(silent) as served, Client(LOOPBACK) as client:
            posting = asyncio.create_task(post(client, served.url))
            await until(lambda: served.requests)
            posting.cancel()
            await until(lambda: served.closed)

    asyncio.run(cancelled())


def test_a_handshake_that_is_left_is_closed(secure_receiver, authority):
    """However far it had come."""
    receiver = secure_receiver("valid")

    async def left():
        async with Client(LOOPBACK, ssl_context=authority.trusted_by()) as client:
            for steps in range(12):
                posting = asyncio.create_task(post(client, receiver.url(), timeout=0.2))
                for _ in range(steps):
                    await asyncio.sleep(0)
                posting.cancel()
                await asyncio.gather(posting, return_exceptions=True)
            await until(lambda: not client._pool._open)

    asyncio.run(left())


# --- Reading ---------------------------------------------------------------------------


@pytest.mark.parametrize("is_secure", [False, True])
def test_an_answer_in_many_small_parts_is_read_seldom(
    authority, monkeypatch, is_secure
):
    """With TLS the socket under it, too."""
    reads = []
    protocol = SSLProtocol if is_secure else Connection
    get_buffer = protocol.get_buffer

    def counted(connection, sizehint):
        reads.append(sizehint)
        return get_buffer(connection, sizehint)

    monkeypatch.setattr(protocol, "get_buffer", counted)
    seconds = 0.5

    async def drip():
        context = authority.server("valid") if is_secure else None
        server = await asyncio.start_server(
            hostile.serve_one, "127.0.0.1", 0, ssl=context
        )
        port = server.sockets[0].getsockname()[1]
        scheme = "https" if is_secure else "http"
        async with Client(LOOPBACK, ssl_context=authority.trusted_by()) as client:
            url = f"{scheme}://127.0.0.1:{port}/body-bit-by-bit-and-silence"
            result = await post(client, url, timeout=seconds)
        server.close()
        return result.outcome

    assert asyncio.run(drip()) == "timeout"
    assert QUICK_READS < len(reads) < QUICK_READS + 3 * seconds / READ_PAUSE


# --- Writing ---------------------------------------------------------------------------


def test_a_large_body_arrives_whole():
    body = bytes(range(256)) * 40_000
    arrived = []

    async def behave(reader, writer):
        arrived.append(await reader.readexactly(len(body)))
        writer.write(OK)
        return True

    async def large():
        async with serving(behave) as served, Client(LOOPBACK) as client:
            for _ in range(2):
                assert (await post(client, served.url, body=body)).outcome == "ok"
            return served.opened

    assert asyncio.run(large()) == 1
    assert arrived == [body, body]


def test_of_a_body_that_nobody_reads_the_process_holds_no_copy():
    body = b"x" * 30_000_000

    async def stuck():
        async with serving(pausing) as served, Client(LOOPBACK) as client:
            result = await post(client, served.url, body=body, timeout=0.5)
            return result.outcome

    async def pausing(reader, writer):
        writer.transport.pause_reading()
        await asyncio.sleep(PATIENCE)
        return False

    tracemalloc.start()
    outcome = asyncio.run(stuck())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome == "timeout"
    assert peak < 4_000_000


def test_an_answer_before_the_body_was_sent_counts_and_ends_the_connection():
    async def behave(reader, writer):
        writer.transport.pause_reading()
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(0.5)
        return False

    async def large():
        async with serving(behave) as served, Client(LOOPBACK) as client:
            result = await post(client, served.url, body=b"x" * 30_000_000)
            assert not client._pool._keys
            return result

    result = asyncio.run(large())
    assert (result.outcome, result.status) == ("status", 413)


# --- Deadlines -------------------------------------------------------------------------


def test_each_post_ends_at_its_own_deadline():
    async def several():
        async with serving(silent) as served, Client(LOOPBACK) as client:
            times = [0.5, 0.1, 0.3, 0.2, 0.4]
            posts = [post(client, served.url, timeout=time) for time in times]
            results = await asyncio.gather(*posts)
            return list(zip(times, results, strict=True))

    for seconds, result in asyncio.run(several()):
        assert result.outcome == "timeout"
        assert seconds <= result.duration


class Late:
    def __init__(self, deadline):
        self.deadline = deadline
        self.ended_at = None

    def expire(self):
        self.ended_at = asyncio.get_running_loop().time()
        self.deadline = sweeper.NEVER


def test_one_timer_serves_all_deadlines():
    async def sweep():
        loop = asyncio.get_running_loop()
        now = loop.time()
        watched = [Late(now + 0.2), Late(now + 0.05), Late(now + 0.0501), Late(now + 9)]
        armed = []
        call_at = loop.call_at

        def counted(at, callback, *args, **options):
            if callback == sweeping._sweep:
                armed.append(at)
            return call_at(at, callback, *args, **options)

        loop.call_at = counted
        sweeping = Sweeper(loop, watched)
        for one in watched:
            sweeping.note(one.deadline)
        await until(lambda: watched[0].ended_at)
        sweeping.close()
        return now, watched, armed

    now, watched, armed = asyncio.run(sweep())
    first, second, third, never = watched
    assert first.ended_at >= now + 0.2
    assert now + 0.05 <= second.ended_at <= third.ended_at
    assert never.ended_at is None
    assert len(armed) <= 5, "twice when they are set, once after each sweep"


# --- Whatever a receiver does ------------------------------------------------------------


@pytest.mark.parametrize("name", hostile.CASES)
def test_what_it_does_has_its_outcome(name):
    case = hostile.CASES[name]
    timeout = 0.4 if hostile.OVER in case.outcomes else 30.0
    body = b"x" * 30_000_000 if "read" in name else b"{}"

    async def suffer():
        server = await asyncio.start_server(hostile.serve_one, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/{name}"
        async with Client(LOOPBACK) as client:
            result = await post(client, url, body=body, timeout=timeout)
        server.close()
        return result

    result = asyncio.run(suffer())
    assert result.outcome in case.outcomes
    assert result.error.isprintable()
    assert len(result.body) <= 16 * 1024
