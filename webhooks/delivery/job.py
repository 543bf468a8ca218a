"""The values that pass between the queue and whoever sends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from webhooks.models import Delivery, SigningSecret


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries that are ours until the lease runs out."""

    token: UUID
    ids: Sequence[UUID]
    until: float  # time.monotonic() of the claimer
    # Whether more was due than an endpoint was given.
    has_more: bool = False


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """What sending needs to know of a subscription, as it stood when it was loaded."""

    id: UUID
    public_id: str
    is_deleted: bool
    sealed_secrets: Sequence[SigningSecret]
    max_in_flight: int | None = None

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The plain secrets, oldest first; raises encryption.Undecryptable."""
        return tuple(secret.reveal() for secret in self.sealed_secrets)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """One claimed delivery, with all that its attempt needs."""

    id: UUID
    token: UUID
    until: float  # time.monotonic(); no attempt may outlast it
    event_id: UUID
    event_type: str
    occurred_at: datetime
    data: str  # JSON; what cannot be read is the fault of this job alone
    subscriber: Subscriber
    endpoint_id: UUID
    url: str
    profile: str
    attempts: int  # made before this one
    body: bytes | None = None  # as sent before; None: to be rendered
    is_test: bool = False  # of an event that did not happen


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """What is kept of an attempt."""

    number: int
    started_at: datetime
    duration_ms: int
    # Parts of it; None: there was none.
    lookup_ms: int | None = None
    connect_ms: int | None = None
    request_headers: dict[str, str]
    # Of the first that was rendered; None: the same as then.
    request_body: bytes | None = None
    response_headers: Sequence[Sequence[str]] = ()
    response_body: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of a job: the delivery's next state, and the attempt if there was one."""

    job: Job
    state: Delivery.State
    outcome: str = ""
    status: int | None = None
    reason: str = ""
    wait: timedelta | None = None  # until the next attempt; set exactly when pending
    attempt: AttemptRecord | None = None
    # The pause that the receiver asked for.
    asked: timedelta = timedelta(0)
    # The attempt failed before a request was made: the receiver had no part in it.
    is_ours: bool = False
