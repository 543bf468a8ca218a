"""One attempt: makes the request of a job, and decides from its result whether and when to try
again.

An error on our side is a failed attempt with the outcome `error`: a secret that was altered, a
profile that no longer exists, an event type that the profile has no name for. It is shown, and
tried again on the schedule. An encryption key that is not configured is no attempt: the delivery
waits until it is. A request with a wrong signature is never sent.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import orjson

from webhooks.models import Delivery, encryption

from . import wire
from .job import AttemptRecord, Job, Settlement
from .result import Outcome, Result
from .schedule import STANDARD, Schedule, retry_after
from .wire import Message, Signing, WireProfile

logger = logging.getLogger(__name__)

ERROR = "error"
"""The outcome of an attempt that failed before a request could be made."""

KEY_WAIT = timedelta(minutes=5)
"""Until a delivery whose encryption key is missing is looked at again."""

_ERROR_LENGTH = 500


class Poster(Protocol):
    """The part of the client that an attempt uses."""

    async def send(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        timeout: float,
        partner: UUID,
    ) -> Result: ...


class Unsigned(Exception):
    """The profile signs, but the subscription has no live secret."""


class Inexpressible(Exception):
    """The profile no longer has a name for the event's type."""


@dataclass(slots=True)
class Request:
    body: bytes
    headers: dict[str, str]
    timeout: float


async def make(job: Job, poster: Poster) -> Settlement:
    """Send a job once. Never raises: an error becomes part of the settlement."""
    if job.subscriber.is_deleted:
        return Settlement(
            job=job,
            state=Delivery.State.CANCELLED,
            reason="The subscription was deleted.",
        )
    started_at = datetime.now(UTC)
    try:
        request = compose(job, timestamp=int(started_at.timestamp()))
        result = await poster.send(
            job.url,
            body=request.body,
            headers=request.headers,
            timeout=request.timeout,
            partner=job.subscriber.partner_id,
        )
        return conclude(job, request, result, started_at=started_at)
    except encryption.KeyMissing as error:
        logger.error("Delivery %s waits: %s", job.id, error)
        # Whoever sends a test watches it.
        return _failed_here(job, started_at, error) if job.is_test else _waits(job)
    except Exception as error:
        logger.warning(
            "An attempt failed on our side.", exc_info=error, extra=job.log_fields
        )
        return _failed_here(job, started_at, error)


def compose(job: Job, *, timestamp: int) -> Request:
    """The request of an attempt made at `timestamp`, signed with every live secret.

    Raises the error that makes it impossible.
    """
    profile = wire.profile(job.profile)
    secrets = job.subscriber.secrets
    if profile.new_secret is not None and not secrets:
        raise Unsigned("The subscription has no live signing secret.")
    # The bytes of the first attempt, so that a new release does not change them.
    body = job.body if job.body is not None else profile.render(_message(job, profile))
    return Request(
        body=body,
        headers={
            "Content-Type": "application/json",
            **profile.headers(job.event_id),
            **profile.sign(Signing(job.event_id, timestamp, body, secrets)),
        },
        timeout=profile.timeout,
    )


def timeout_of(job: Job) -> float:
    """The seconds that an attempt of this job may take."""
    known = wire.profiles().get(job.profile)
    return known.timeout if known else 0.0


def conclude(
    job: Job, request: Request, result: Result, *, started_at: datetime
) -> Settlement:
    """The settlement of a delivery from the result of its request."""
    record = AttemptRecord(
        number=job.attempts + 1,
        started_at=started_at,
        duration_ms=round(result.duration * 1000),
        lookup_ms=_milliseconds(result.lookup),
        connect_ms=_milliseconds(result.connect),
        request_headers=request.headers,
        # A redelivery keeps the body too: the delivery that it repeats may be pruned first.
        request_body=request.body if job.body is None or job.attempts == 0 else None,
        response_headers=result.headers,
        response_body=result.body,
        error=result.error,
    )
    if result.outcome is Outcome.OK:
        return Settlement(
            job=job,
            state=Delivery.State.DELIVERED,
            outcome=result.outcome,
            status=result.status,
            attempt=record,
        )
    return _failed(job, record, result.outcome, result.status, _asked_wait(result))


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _message(job: Job, profile: WireProfile) -> Message:
    name = profile.name_of(job.event_type)
    if name is None:
        raise Inexpressible(f"{profile.name} has no name for {job.event_type}.")
    return Message(
        event_id=job.event_id,
        event_name=name,
        event_type=job.event_type,
        occurred_at=job.occurred_at,
        data=orjson.loads(job.data),
        url=job.url,
        subscription_id=job.subscriber.public_id,
    )


def _waits(job: Job) -> Settlement:
    """Look at it again later; no attempt was made, and none is lost."""
    return Settlement(
        job=job,
        state=Delivery.State.PENDING,
        outcome=ERROR,
        reason=Delivery.WAITS_FOR_KEY,
        wait=KEY_WAIT,
        is_ours=True,
    )


def _failed_here(job: Job, started_at: datetime, error: Exception) -> Settlement:
    # The error may quote text from outside; no database stores U+0000 in text.
    text = f"{type(error).__name__}: {error}".replace("\0", "\N{REPLACEMENT CHARACTER}")
    record = AttemptRecord(
        number=job.attempts + 1,
        started_at=started_at,
        duration_ms=0,
        request_headers={},
        error=text[:_ERROR_LENGTH],
    )
    return _failed(job, record, ERROR, is_ours=True)


def _failed(
    job: Job,
    record: AttemptRecord,
    outcome: str,
    status: int | None = None,
    asked: timedelta = timedelta(0),
    is_ours: bool = False,
) -> Settlement:
    """Try again on the profile's schedule, or later if the receiver asked for that; or
    never."""
    wait = None if job.is_test else _schedule(job).wait_after(record.number)
    if wait is not None:
        wait = max(wait, asked)
    return Settlement(
        job=job,
        state=Delivery.State.EXHAUSTED if wait is None else Delivery.State.PENDING,
        outcome=outcome,
        status=status,
        reason=Delivery.TRIED_ONCE if job.is_test else "",
        wait=wait,
        attempt=record,
        asked=asked,
        is_ours=is_ours,
    )


def _schedule(job: Job) -> Schedule:
    known = wire.profiles().get(job.profile)
    return known.schedule if known else STANDARD


def _asked_wait(result: Result) -> timedelta:
    if result.outcome is Outcome.STATUS:
        for name, value in result.headers:
            if name.lower() == "retry-after":
                return retry_after(value, now=datetime.now(UTC)) or timedelta(0)
    return timedelta(0)
