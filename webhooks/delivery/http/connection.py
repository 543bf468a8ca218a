"""One open connection: posts one request after the other, and reads each answer.

It reads a few kilobytes at a turn of the event loop, and writes as few: a receiver that
sends without end, or a large body, delays the other deliveries by no more than that. An
answer that comes in many small parts is read more and more seldom.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from .reader import Answer, AnswerReader, BadAnswer
from .sweeper import NEVER

READ_SIZE = 4 * 1024
"""Bytes that are read at one turn. Enough for nearly every answer; as chunks or TLS records
of one byte each they take a few milliseconds."""

QUICK_READS = 64
"""Reads of one answer without a pause. An answer at the limits takes 32 of full size."""

READ_PAUSE = 0.01
"""Seconds before each further read."""

WRITE_SIZE = 64 * 1024
"""Bytes of a body that are written at one turn, and that wait in the process for a receiver
that does not read."""


class Owner(Protocol):
    """Is told what happens to its connections."""

    def opened(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None:
        """Its socket is closed."""

    def note(self, deadline: float) -> None:
        """One of them is to be ended at this time of the event loop."""


class Connection(asyncio.BufferedProtocol):
    """At most one exchange is under way at a time.

    `address` is the one that was dialled. `buffer` is where bytes are received: all
    connections of a client may share one, because it is read before the event loop goes on.
    `is_silent` says whether nothing, not even the end, has come that the event loop has not
    seen yet.
    """

    __slots__ = (
        "_answered",
        "_buffer",
        "_is_paused",
        "_loop",
        "_owner",
        "_reader",
        "_reads",
        "_source",
        "_transport",
        "_unwritten",
        "address",
        "deadline",
        "is_open",
        "is_silent",
    )

    def __init__(
        self,
        *,
        address: str,
        loop: asyncio.AbstractEventLoop,
        buffer: memoryview,
        is_silent: Callable[[], bool],
        owner: Owner,
    ) -> None:
        self.address = address
        self.deadline = NEVER
        self.is_open = False
        self.is_silent = is_silent
        self._loop = loop
        self._buffer = buffer
        self._owner = owner
        self._reader = AnswerReader()
        self._reads = 0  # of this answer
        self._transport: asyncio.Transport | None = None
        self._source: asyncio.Transport | None = None
        # Ends with an answer, with the reason why there is none, or with None at the
        # deadline. Not with an exception: its frames would keep the body.
        self._answered: asyncio.Future[Answer | str | None] | None = None
        self._unwritten: memoryview | None = None
        self._is_paused = False

    async def exchange(self, head: bytes, body: bytes, *, deadline: float) -> Answer:
        """Post once, by the event loop's `deadline`. Raises BadAnswer or TimeoutError.

        The connection stays open if it can be used again.
        """
        if not self.is_open:
            raise BadAnswer("the connection was closed before the request")
        self._reader.start()
        self._reads = 0
        self._answered = self._loop.create_future()
        self.set_deadline(deadline)
        self._write(head, body)
        try:
            answer = await self._answered
        except asyncio.CancelledError:
            self.close()
            raise
        if answer is None:
            raise TimeoutError
        if isinstance(answer, str):
            raise BadAnswer(answer)
        return answer

    def read_from(self, source: asyncio.Transport) -> None:
        """The transport under that of TLS, which goes on reading when the latter pauses."""
        self._source = source

    def set_deadline(self, deadline: float) -> None:
        """Close at `deadline`, unless it is moved before."""
        self.deadline = deadline
        self._owner.note(deadline)

    def expire(self) -> None:
        self._end(None)
        self.close()

    def close(self) -> None:
        """Close without a word, which a TLS receiver might never answer."""
        self.is_open = False
        self._unwritten = None
        if self._transport is not None:
            self._transport.abort()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # Pause as soon as anything waits. (With 0 the transport of TLS always pauses.)
        self._transport.set_write_buffer_limits(high=1)
        self._source = self._source or self._transport
        self.is_open = True
        self._owner.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._answered is None:
            self.close()  # nobody asked
            return
        try:
            answer = self._reader.feed(bytes(self._buffer[:nbytes]))
        except BadAnswer as error:
            self._end(str(error))
            self.close()
        else:
            self._reads += 1
            if answer is not None:
                self._end(answer)
            elif self._reads > QUICK_READS:
                self._pause_reading()

    def eof_received(self) -> None:
        if self._answered is not None:
            try:
                self._end(self._reader.end())
            except BadAnswer as error:
                self._end(str(error))
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self.eof_received()
        else:
            self._end(f"{type(exc).__name__}: {exc}")
            self.close()
        self._reader.close()
        self._transport = self._source = None
        self._owner.closed(self)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._go_on_writing()

    def _pause_reading(self) -> None:
        if self._source is not None:
            self._source.pause_reading()
            self._loop.call_later(READ_PAUSE, self._go_on_reading)

    def _go_on_reading(self) -> None:
        if self._source is not None:
            self._source.resume_reading()

    def _write(self, head: bytes, body: bytes) -> None:
        assert self._transport is not None  # noqa: S101  (it is open)
        if len(body) <= WRITE_SIZE:
            self._transport.write(head + body)
        else:
            self._unwritten = memoryview(body)
            self._transport.write(head)
            self._go_on_writing()

    def _go_on_writing(self) -> None:
        if self._unwritten is not None and not self._is_paused:
            self._loop.call_soon(self._write_piece)

    def _write_piece(self) -> None:
        if self._unwritten is None or self._transport is None:
            return  # it ended meanwhile
        piece, rest = self._unwritten[:WRITE_SIZE], self._unwritten[WRITE_SIZE:]
        self._unwritten = rest or None
        self._transport.write(piece)
        self._go_on_writing()

    def _end(self, answer: Answer | str | None) -> None:
        answered, self._answered = self._answered, None
        if self._reader.is_last or self._unwritten is not None or self._is_paused:
            self.close()
        if answered is not None and not answered.done():
            answered.set_result(answer)
