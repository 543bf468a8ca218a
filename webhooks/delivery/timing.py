"""Measures the parts of one attempt: the look-up of the name, and the connection.

aiohttp's own tracing measures them too, but awaits signals at every step of every request.
Here a request over a connection that was kept costs one object and nothing else.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.tracing import Trace


@dataclass(slots=True)
class Timing:
    """Seconds; None for a part that the attempt did not need."""

    lookup: float | None = None
    """The look-up of the name. None if the URL has an address."""
    connect: float | None = None
    """Opening a connection, with TLS and with addresses that did not answer. None if an
    open one was used again."""


_current: ContextVar[Timing] = ContextVar("timing")


def begin() -> Timing:
    """Start the timing of the attempt that this task makes next."""
    timing = Timing()
    _current.set(timing)
    return timing


class TimedConnector(aiohttp.TCPConnector):
    """Adds the time of each new connection to the timing of the attempt that needs it."""

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: "list[Trace]",
        timeout: aiohttp.ClientTimeout,
    ) -> "ResponseHandler":
        started = time.perf_counter()
        try:
            return await super()._create_connection(req, traces, timeout)
        finally:
            timing = _current.get()
            spent = time.perf_counter() - started
            timing.connect = (timing.connect or 0.0) + spent
