"""Notifications for a partner about one of its endpoints.

A settlement finds these notifications. How they reach the partner is decided above this
room: the command that starts a worker hands it the function that writes them. It is called
in the transaction of the settlement, so both are committed together or not at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """The event types under which a partner is notified."""

    FAILING = "endpoint.failing"
    """Its attempts fail one after the other, and the circuit breaker has opened."""
    RECOVERED = "endpoint.recovered"
    """An attempt succeeded after that."""
    DISABLED = "endpoint.disabled"
    """Nothing is sent to it any more: it answered 410, or has failed for days."""
    EXHAUSTED = "endpoint.exhausted"
    """Deliveries to it have used all their attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointNotification:
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
    """Why the endpoint was disabled, in words that a partner may read."""
    deliveries: tuple[UUID, ...] = ()
    """Those that are exhausted."""


Notify = Callable[[Sequence[EndpointNotification]], None]
"""Writes notifications, in the caller's transaction. What it raises undoes the settlement."""
