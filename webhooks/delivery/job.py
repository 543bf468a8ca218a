"""The values that pass between the queue and the backends.

Nobody changes them. Those of which a delivery makes one are not `frozen`, because that costs
a microsecond each (docs/benchmarks.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from webhooks.models import Delivery, SigningSecret


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries that are the claimer's until the lease runs out."""

    token: UUID
    ids: Sequence[UUID]
    until: float  # time.monotonic() of the claimer
    # Whether an endpoint had more due than it was given.
    has_more: bool = False
    # What `outbox.load` needs of them, if it was read with the claim.
    loaded: Sequence[Sequence[Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """The fields of a subscription that sending needs, as they were when the claim was loaded."""

    id: UUID
    partner_id: UUID
    public_id: str
    is_deleted: bool
    sealed_secrets: Sequence[tuple[UUID, str]]  # id and stored value, oldest first
    max_in_flight: int | None = None

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The plain secrets, oldest first; raises encryption.Undecryptable."""
        return tuple(
            SigningSecret.revealed(id, value) for id, value in self.sealed_secrets
        )


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One claimed delivery, with everything that its attempt needs."""

    id: UUID
    token: UUID
    until: float  # time.monotonic(); no attempt may outlast it
    event_id: UUID
    event_type: str
    occurred_at: datetime
    data: str  # JSON, read at the attempt: what cannot be read fails this job alone
    subscriber: Subscriber
    endpoint_id: UUID
    url: str
    profile: str
    attempts: int  # made before this one
    body: bytes | None = None  # as sent before; None: to be rendered
    is_test: bool = False  # of a test event

    @property
    def log_fields(self) -> dict[str, dict[str, str]]:
        """As `extra` of what is logged about it."""
        return {"fields": {"delivery": str(self.id), "event": str(self.event_id)}}


@dataclass(slots=True, kw_only=True)
class AttemptRecord:
    """The stored fields of an attempt."""

    number: int
    started_at: datetime
    duration_ms: int
    # Parts of the duration; None if there was no such part.
    lookup_ms: int | None = None
    connect_ms: int | None = None
    request_headers: dict[str, str]
    # Only of the first attempt that rendered it; None for the same body again.
    request_body: bytes | None = None
    response_headers: Sequence[Sequence[str]] = ()
    response_body: bytes = b""
    error: str = ""


@dataclass(slots=True, kw_only=True)
class Settlement:
    """The result of a job: the delivery's next state, and its attempt if one was made."""

    job: Job
    state: Delivery.State
    outcome: str = ""
    status: int | None = None
    reason: str = ""
    wait: timedelta | None = None  # until the next attempt; set exactly when pending
    attempt: AttemptRecord | None = None
    # The pause that the receiver asked for.
    asked: timedelta = timedelta(0)
    # The attempt failed on our side, before a request was made.
    is_ours: bool = False
