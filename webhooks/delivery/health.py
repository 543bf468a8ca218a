"""The health of an endpoint: its circuit breaker, and when it is disabled.

An endpoint that fails several times in a row, or asks the sender to slow down, opens its
breaker: nothing is sent until a pause is over, then one delivery as a probe. The pause
doubles with every probe that fails. What waits meanwhile uses no attempts. An endpoint is
disabled if it has failed for days without a success, or answers that it is gone.

These functions are pure: health before and attempts in, health after out. The outbox stores
it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from .result import Outcome

FAILURES_TO_OPEN = 5
"""Failed attempts in a row that open the breaker, and cause `endpoint.failing`."""

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=10)
"""Between two probes of an endpoint that goes on failing."""

LONGEST_ASKED_PAUSE = timedelta(hours=1)
"""A `Retry-After` delays the delivery that got it for as long as it says. Other deliveries of
the endpoint are delayed for this long at most; then one of them is a probe."""

DISABLE_AFTER = timedelta(days=5)
"""Time without a success, as Standard Webhooks advises ("several days")."""

GONE = 410
SLOWED = frozenset({429, 502, 504})
"""Statuses that ask the sender to slow down, by Standard Webhooks 1.0.0."""

GONE_REASON = "The receiver answered 410 Gone."
FAILED_REASON = f"Every attempt failed for {DISABLE_AFTER.days} days."


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The part of an endpoint's row that is its health."""

    failures: int = 0
    failing_since: datetime | None = None
    trips: int = 0
    """How often the breaker opened since the last success."""
    open_until: datetime | None = None
    probe_token: UUID | None = None
    disabled_reason: str = ""

    @property
    def fails_repeatedly(self) -> bool:
        """As often in a row as opens the breaker. An endpoint is shown as failing from the
        first failure."""
        return self.failures >= FAILURES_TO_OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """The result of one attempt, for the health of its endpoint."""

    token: UUID
    outcome: str
    status: int | None = None
    asked: timedelta = timedelta(0)
    """The pause that the receiver asked for."""
    is_ours: bool = False
    """It failed on our side, before a request was made, so the health does not change."""


def after_attempts(
    health: Health, outcomes: Sequence[AttemptOutcome], *, now: datetime
) -> Health:
    """The health of an endpoint after some attempts, in the order in which they ended."""
    for attempt in outcomes:
        if attempt.outcome == Outcome.OK:
            # An endpoint that answered 410 stays disabled, though it answers 200 again.
            health = Health(disabled_reason=health.disabled_reason)
        elif attempt.is_ours:
            health = _clear_probe(health, attempt, now)
        else:
            health = _after_failure(health, attempt, now)
    return health


def _clear_probe(health: Health, attempt: AttemptOutcome, now: datetime) -> Health:
    if health.probe_token != attempt.token:
        return health
    return replace(health, probe_token=None, open_until=now)


def _after_failure(health: Health, attempt: AttemptOutcome, now: datetime) -> Health:
    is_probe = health.probe_token == attempt.token
    is_open = health.open_until is not None and health.open_until > now
    health = replace(
        health,
        failures=health.failures + 1,
        failing_since=health.failing_since or now,
    )
    if attempt.status == GONE:
        return replace(health, disabled_reason=GONE_REASON)
    if health.fails_repeatedly and now - (health.failing_since or now) >= DISABLE_AFTER:
        return replace(health, disabled_reason=FAILED_REASON)
    is_slowed = attempt.status in SLOWED or attempt.asked > timedelta(0)
    # Attempts that were under way when the breaker opened change nothing.
    if is_probe or (not is_open and (health.fails_repeatedly or is_slowed)):
        return _open_breaker(health, attempt.asked, now)
    return health


def _open_breaker(health: Health, asked: timedelta, now: datetime) -> Health:
    doubled = FIRST_PAUSE * 2 ** min(health.trips, 20)
    pause = max(min(doubled, LONGEST_PAUSE), min(asked, LONGEST_ASKED_PAUSE))
    return replace(
        health, trips=health.trips + 1, open_until=now + pause, probe_token=None
    )
