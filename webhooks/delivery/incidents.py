"""What happens to endpoints that somebody should hear of.

The delivery room notices; who is told, and how, is decided above it: `apps.ready` hands
over a listener. It is called in the transaction of the settlement that noticed, so what
it writes stands or falls with what it tells of.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """The names of the operational events that tell a partner."""

    FAILING = "endpoint.failing"
    """Its attempts fail, one after the other; the circuit breaker has opened."""
    RECOVERED = "endpoint.recovered"
    """An attempt succeeded after that."""
    DISABLED = "endpoint.disabled"
    """It is called no more: its receiver said 410, or has failed for days."""
    EXHAUSTED = "endpoint.exhausted"
    """Deliveries to it have used up their schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    kind: Kind
    endpoint_id: UUID
    at: datetime
    failing_since: datetime | None = None
    failures: int = 0
    """Attempts that failed in a row, up to this one."""
    outcome: str = ""
    status: int | None = None
    event_type: str = ""
    """Of the last attempt."""
    reason: str = ""
    """Why it was disabled, in words that a partner may read."""
    deliveries: tuple[UUID, ...] = ()
    """Those that are exhausted."""


Listener = Callable[[Sequence[Incident]], None]

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Have `listener` called with what happened; it must not raise for bad data."""
    if listener not in _listeners:
        _listeners.append(listener)


def report(incidents: Sequence[Incident]) -> None:
    """Tell every listener, in the caller's transaction."""
    if incidents:
        for listener in _listeners:
            listener(incidents)
