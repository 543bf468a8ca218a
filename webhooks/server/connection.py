"""One connection: receives a request as a whole, hands it over, and sends the answer.

It is always in one phase, and every phase but one ends by itself:

    RECEIVING → QUEUED → ANSWERING → RECEIVING …
                                   → LINGERING, when no other request can follow

QUEUED, which lasts while the request waits for a thread and has one, is the application's.
Everything here runs in the loop of the process, and nothing in it waits.
"""

import asyncio
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from . import limits
from .incoming import Incoming

if TYPE_CHECKING:
    from .crowd import Crowd


class Phase(Enum):
    RECEIVING = auto()
    QUEUED = auto()
    ANSWERING = auto()
    LINGERING = auto()


class Connection(asyncio.BufferedProtocol):
    transport: asyncio.Transport
    peer = host = ""
    port = 0
    is_lost = False
    is_known = False
    """Whether the application has answered it before."""
    began: float
    """When the first byte of its request came, by the loop's clock."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._is_flushed = True
        self._has_eof = False
        self._sending = 0  # bytes of the answer
        self._receive()

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.since = self._crowd.time()

    def _receive(self) -> None:
        self.request = Incoming(self._crowd.longest_body)
        self._is_last = False
        self._enter(Phase.RECEIVING)

    # --- asyncio ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        # `pause_writing` then says at once that something is left to be sent.
        self.transport.set_write_buffer_limits(high=0)
        peer = transport.get_extra_info("peername")
        here = transport.get_extra_info("sockname")
        self.peer, self.host, self.port = peer[0] if peer else "", here[0], here[1]
        self._crowd.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._crowd.remove(self)

    def eof_received(self) -> bool:
        """A client may close its side and wait for the answer; half a request is none."""
        self._is_last = self._has_eof = True
        return self.phase in (Phase.QUEUED, Phase.ANSWERING)

    def pause_writing(self) -> None:
        self._is_flushed = False

    def resume_writing(self) -> None:
        self._is_flushed = True
        if self.phase is Phase.ANSWERING:
            self._answered()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._crowd.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.phase is Phase.RECEIVING:
            self._receive_more(self._crowd.buffer[:nbytes])
        elif self.phase is not Phase.LINGERING:
            # The next request before the answer to this one, or what nobody reads of it. The rest
            # stays in the kernel, and the connection ends with the answer.
            self._is_last = True
            self.transport.pause_reading()

    def _receive_more(self, data: memoryview) -> None:
        request = self.request
        was_in_body = request.in_body
        if not request.overhead:
            self.since = self.began = self._crowd.time()  # it was idle until now
        request.feed(data)
        if request.refusal:
            self.refuse(*request.refusal)
        elif request.is_whole:
            self._is_last = request.is_last
            self._enter(Phase.QUEUED)
            self._crowd.queue(self)
        else:
            if request.in_body and not was_in_body:
                self.since = self._crowd.time()
                if request.expects_continue:
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._crowd.count(self)

    # --- The answer -------------------------------------------------------------------

    @property
    def keeps(self) -> bool:
        """Whether another request may follow the answer."""
        return not (self._is_last or self._crowd.is_closing)

    def answer(self, data: bytes, keep: bool) -> None:
        """Send the application's answer; `keep` as the client is told there."""
        self.is_known = True
        self._send(data, keep=keep)

    def refuse(self, status: HTTPStatus, reason: str) -> None:
        """Answer without the application, and end."""
        seconds = self._crowd.time() - self.began
        answer = self._crowd.refusals.answer
        self._send(
            answer(self.request.head, self.peer, status, reason, seconds), keep=False
        )

    def _send(self, data: bytes, *, keep: bool) -> None:
        if self.is_lost:
            return
        self.request.body = bytearray()
        self._is_last = self._is_last or not keep
        self._sending = len(data)
        self._enter(Phase.ANSWERING)
        self.transport.write(data)
        if self._is_flushed:
            self._answered()
        else:
            self._crowd.reads(self)

    def _answered(self) -> None:
        if self.keeps:
            self._receive()
        else:
            self._linger()
        self._crowd.waits(self)

    def _linger(self) -> None:
        """Close our side only: closed with unread bytes, the answer would be lost on its way."""
        self._enter(Phase.LINGERING)
        if self._has_eof:
            self.transport.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()
            self.transport.resume_reading()

    # --- What it takes, and how long it may -------------------------------------------

    @property
    def held(self) -> int:
        """The bytes that it keeps in memory."""
        if self.phase is Phase.ANSWERING:
            return self.transport.get_write_buffer_size()
        if self.phase is Phase.LINGERING:
            return 0
        return self.request.held

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a request has come, or nothing more will be read."""
        if self.phase is Phase.RECEIVING:
            return not self.request.overhead
        return self.phase is Phase.LINGERING

    def deadline(self) -> float:
        """When its phase must have ended, by the loop's clock."""
        seconds, rate = self._crowd.limits.seconds, self._crowd.limits.rate
        match self.phase:
            case Phase.RECEIVING if self.request.in_body:
                allowed = seconds + self.request.size / rate
                return self.since + min(allowed, limits.BODY_SECONDS)
            case Phase.RECEIVING if self.is_known and self.is_idle:
                return self.since + self._crowd.limits.idle
            case Phase.RECEIVING:
                return self.since + seconds
            case Phase.ANSWERING:
                return self.since + seconds + (self._sending - self.held) / rate
            case Phase.LINGERING:
                return self.since + limits.LINGER_SECONDS
        return float("inf")

    def expire(self) -> None:
        """Its deadline is over."""
        if self.phase is Phase.RECEIVING and not self.is_idle:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The request came too slowly.")
        else:
            self.transport.abort()

    def give_way(self) -> None:
        """Others need what it holds."""
        if self.phase is Phase.ANSWERING:
            self.transport.abort()
        else:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests at a time.")
