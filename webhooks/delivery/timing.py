"""Where the time of one attempt goes.

aiohttp's own tracing would tell too, but awaits signals at every step of every request. Here a
request over a connection that was kept pays for one object and nothing else.
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
    """Seconds; None is what an attempt had no need of."""

    lookup: float | None = None
    """Until the name had addresses. None for an address in the URL."""
    connect: float | None = None
    """Until there was a connection, TLS and addresses that did not answer included. None
    when an open one was used again."""


_current: ContextVar[Timing] = ContextVar("timing")


def begin() -> Timing:
    """The timing of the attempt that this task makes from now on."""
    timing = Timing()
    _current.set(timing)
    return timing


class TimedConnector(aiohttp.TCPConnector):
    """Adds what each new connection costs to the timing of the attempt that needs it."""

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
