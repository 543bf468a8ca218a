"""A process of the server: a loop that receives and sends, and a few threads that answer."""

import asyncio
import contextlib
import logging
import signal
import socket  # noqa: TID251 - it listens, and never connects
import sys
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from . import limits, messages
from .connection import Connection
from .crowd import Crowd
from .limits import Limits
from .refusals import Refuse
from .stack import with_room
from .turns import Turns

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 0.5  # between two looks at the deadlines

StartResponse = Callable[..., Callable[[bytes], object]]

CALLER = "webhooks.caller"
"""The key of the environment in which the application leaves who asked; empty: nobody it knows."""


@dataclass(frozen=True)
class Application:
    """What is served, and what the server must know of it."""

    wsgi: Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
    longest_body: Callable[[bytes], int | None]
    """Of a path, as it was sent: the bytes of a body that its view reads. None: 1 MiB, and beyond
    it the server refuses. Called in the loop, so it must be quick."""
    refuse: Refuse
    underscored: Collection[bytes]
    """The headers, in small letters, that may have an underscore in their name."""
    credentials: Collection[bytes]
    """The headers, in small letters, by which it knows who asks."""


class Worker:
    """Serves until SIGTERM. `threads`: how many requests are answered at a time."""

    def __init__(
        self, application: Application, allowed: Limits, *, threads: int
    ) -> None:
        self._application = application
        self._limits = allowed
        self._threads = threads
        self._turns = Turns(threads, application.credentials)

    def run(
        self,
        listening: socket.socket,
        *,
        begun: Callable[[], None],
        stop_seconds: float,
    ) -> None:
        """Calls `begun` once it serves. Requests that have begun have `stop_seconds` to end."""
        # Seconds that a thread which computes lets the loop wait: a request needs the loop twice.
        sys.setswitchinterval(0.001)
        asyncio.run(self._run(listening, begun, stop_seconds))

    async def _run(
        self, listening: socket.socket, begun: Callable[[], None], stop_seconds: float
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._crowd = Crowd(
            self._limits,
            self._loop,
            longest_body=self._application.longest_body,
            refuse=self._application.refuse,
            work=self._turns.put,
        )
        stopping = asyncio.Event()
        self._loop.add_signal_handler(signal.SIGTERM, stopping.set)
        for number in range(self._threads):
            # They outlive the loop when a request does, and end with the process.
            threading.Thread(
                target=with_room,
                args=[self._work],
                name=f"web {number}",
                daemon=True,
            ).start()
        # asyncio accepts as many at a time as it lets wait. A few, so that a storm of connections
        # does not hold up the others; far more may wait.
        server = await self._loop.create_server(
            lambda: Connection(self._crowd), sock=listening, backlog=limits.ACCEPTED
        )
        listening.listen(limits.BACKLOG)
        begun()
        reported = self._loop.time()
        while not stopping.is_set():
            await self._crowd.sweep()
            if self._loop.time() - reported > limits.REPORT_SECONDS:
                reported = self._loop.time()
                if told := self._crowd.report():
                    logger.warning("Limits of clients were reached: %s.", told)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), SWEEP_SECONDS)
        server.close()
        self._crowd.close()
        end = self._loop.time() + stop_seconds
        while self._crowd.is_busy and self._loop.time() < end:
            await self._crowd.sweep()
            await asyncio.sleep(0.02)

    # --- In a thread ------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            caller, connection = self._turns.take()
            # Else its client has gone, or it gave way.
            if self._crowd.take(connection):
                answer = self._answer(connection)
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(answer)
            self._turns.end(caller)

    def _answer(self, connection: Connection) -> Callable[[], None]:
        """Work on its request; the loop calls what is returned, to answer it."""
        head = connection.request.head
        try:
            environ = self._environ(connection)
            status, headers, body = call(self._application.wsgi, environ)
            self._turns.know(connection, environ.get(CALLER, ""))
            keep = connection.keeps
            answer = messages.response(status, headers, body, head=head, keep=keep)
            return partial(connection.answer, answer, keep)
        except BaseException:  # SystemExit, too: it would end the thread
            logger.exception("The application failed without an answer.")
            failed = HTTPStatus.INTERNAL_SERVER_ERROR
            return partial(connection.refuse, failed, "Server error.")

    def _environ(self, connection: Connection) -> dict[str, Any]:
        request = connection.request
        return request.head.environ(
            request.body,
            request.length,
            peer=connection.peer,
            host=connection.host,
            port=connection.port,
            underscored=self._application.underscored,
        )


def call(
    application: Callable[[dict[str, Any], StartResponse], Iterable[bytes]],
    environ: dict[str, Any],
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and the whole body of a WSGI application's answer.

    The body is taken at once, so that a client that does not read it holds no thread.
    """
    answer: list[Any] = []
    chunks: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        answer[:] = [status, headers]
        return chunks.append

    iterable = application(environ, start_response)
    try:
        chunks.extend(iterable)
    finally:
        if close := getattr(iterable, "close", None):
            close()
    return answer[0], answer[1], b"".join(chunks)
