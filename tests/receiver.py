"""A receiver of webhooks on loopback: a real server that answers as a test tells it.

It runs in a thread of its own, so that a client under test, synchronous or not, meets
real sockets. Everything it was sent is in `requests`; `connections` also counts those
that never became a request.
"""

import asyncio
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from tests.waiting import PATIENCE


@dataclass(frozen=True, kw_only=True)
class Request:
    """What arrived. `headers` are the raw pairs in the order and case they were sent."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    connection: int

    def header(self, name: str) -> str | None:
        """The value of a header sent once; None when absent."""
        values = [v for k, v in self.headers if k.lower() == name.lower()]
        assert len(values) < 2, f"{name} was sent {len(values)} times"
        return values[0] if values else None


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    delay: float = 0
    until: threading.Event | None = None
    drip: float = 0
    raw: bytes | None = None
    drop: bool = False


class Receiver:
    """A context manager; `ssl_context` makes it speak TLS.

    Answers 200 with an empty body until told otherwise.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.port = 0
        self._is_stopping = False
        self._scheme = "https" if ssl_context else "http"
        self._ssl = ssl_context
        self._answers: dict[str | None, list[Answer]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def answer(
        self,
        path: str | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
        delay: float = 0,
        until: threading.Event | None = None,
        drip: float = 0,
        raw: bytes | None = None,
        drop: bool = False,
    ) -> Self:
        """Script the next answer, to `path` or to any path without a script of its own.

        Called again, it adds to the sequence; the last answer is repeated for ever.
        A `body` of several chunks is streamed, `drip` seconds apart; bytes drip one by
        one. The answer waits for `delay` seconds and for `until` to be set. `raw` is
        sent as it is in place of an HTTP answer, and `drop` hangs up without a word.
        """
        self._answers[path].append(
            Answer(
                status=status,
                headers=headers or {},
                body=body,
                delay=delay,
                until=until,
                drip=drip,
                raw=raw,
                drop=drop,
            )
        )
        return self

    def wait_for(self, count: int, *, timeout: float = PATIENCE) -> list[Request]:
        """The requests, once there are `count` of them. Raises AssertionError."""
        end = time.monotonic() + timeout
        while len(self.requests) < count:
            assert time.monotonic() < end, f"{len(self.requests)} of {count} arrived"
            time.sleep(0.005)
        return list(self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(PATIENCE)
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_stopping = True
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        server = web.Server(self._handle)

        def connected() -> web.RequestHandler:
            self.connections += 1
            return server()

        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        self._listener = await self._loop.create_server(
            connected, "127.0.0.1", 0, ssl=self._ssl
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._listener.close()
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        self.requests.append(
            Request(
                method=request.method,
                path=request.raw_path,
                headers=tuple(
                    (k.decode("latin-1"), v.decode("latin-1"))
                    for k, v in request.raw_headers
                ),
                body=await request.read(),
                at=time.time(),
                connection=request.transport.get_extra_info("peername")[1],
            )
        )
        answer = self._next_answer(request.raw_path)
        await asyncio.sleep(answer.delay)
        while answer.until and not (answer.until.is_set() or self._is_stopping):
            await asyncio.sleep(0.01)
        if answer.drop or answer.raw is not None:
            request.transport.write(answer.raw or b"")
            request.transport.close()
            return web.Response()
        if isinstance(answer.body, bytes) and not answer.drip:
            return web.Response(
                status=answer.status, headers=answer.headers, body=answer.body
            )
        return await self._stream(request, answer)

    def _next_answer(self, path: str) -> Answer:
        script = self._answers.get(path) or self._answers.get(None) or [Answer()]
        return script.pop(0) if len(script) > 1 else script[0]

    async def _stream(
        self, request: web.BaseRequest, answer: Answer
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        chunks = answer.body
        if isinstance(chunks, bytes):
            chunks = (bytes([byte]) for byte in chunks)
        try:
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
                await asyncio.sleep(answer.drip)
            await response.write_eof()
        except ConnectionError:
            pass  # The client has hung up, as it may.
        return response
