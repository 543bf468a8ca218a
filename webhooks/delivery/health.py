"""How an endpoint is doing, and what follows: the circuit breaker and the long clock.

An endpoint that fails several times in a row, or asks to be left alone, is open: nothing
is sent to it until a pause is over, then one probe. The pause doubles with every probe
that fails. What waits meanwhile consumes no attempts. An endpoint that has done nothing
but fail for days, or says that it is gone, is disabled.

Pure: what was, what happened, what is. The outbox stores it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from .result import Outcome

FAILURES_TO_OPEN = 5
"""Attempts in a row that open the breaker, and make the endpoint `failing`."""

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=10)
"""Between two probes of an endpoint that goes on failing."""

LONGEST_ASKED_PAUSE = timedelta(hours=1)
"""A `Retry-After` holds for the delivery that got it as long as it says; the others of the
endpoint probe again after this."""

DISABLE_AFTER = timedelta(days=5)
"""Of nothing but failure, as Standard Webhooks advises ("several days")."""

GONE = 410
SLOWED = frozenset({429, 502, 504})
"""Statuses that ask the sender to slow down, by Standard Webhooks 1.0.0."""

GONE_REASON = "The receiver answered 410 Gone."
FAILED_REASON = f"Every attempt failed for {DISABLE_AFTER.days} days."


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What an endpoint's row says of it."""

    failures: int = 0
    failing_since: datetime | None = None
    trips: int = 0
    open_until: datetime | None = None
    probe_token: UUID | None = None
    disabled_reason: str = ""

    @property
    def is_failing(self) -> bool:
        return self.failures >= FAILURES_TO_OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One attempt, as far as health is concerned."""

    token: UUID
    outcome: str
    status: int | None = None
    asked: timedelta = timedelta(0)
    """The pause that the receiver asked for."""
    is_ours: bool = False
    """It failed on our side, before a request was made, and proves nothing."""


def after(health: Health, trials: Sequence[Trial], *, now: datetime) -> Health:
    """The health of an endpoint after some attempts, in the order they ended."""
    for trial in trials:
        if trial.outcome == Outcome.OK:
            # Whoever answered 410 and goes on answering 200 still is disabled.
            health = Health(disabled_reason=health.disabled_reason)
        elif trial.is_ours:
            health = _unproven(health, trial, now)
        else:
            health = _failed(health, trial, now)
    return health


def _unproven(health: Health, trial: Trial, now: datetime) -> Health:
    if health.probe_token != trial.token:
        return health
    return replace(health, probe_token=None, open_until=now)


def _failed(health: Health, trial: Trial, now: datetime) -> Health:
    is_probe = health.probe_token == trial.token
    is_open = health.open_until is not None and health.open_until > now
    health = replace(
        health,
        failures=health.failures + 1,
        failing_since=health.failing_since or now,
    )
    if trial.status == GONE:
        return replace(health, disabled_reason=GONE_REASON)
    if health.is_failing and now - (health.failing_since or now) >= DISABLE_AFTER:
        return replace(health, disabled_reason=FAILED_REASON)
    is_slowed = trial.status in SLOWED or trial.asked > timedelta(0)
    # Those that were under way when it opened tell nothing new.
    if is_probe or (not is_open and (health.is_failing or is_slowed)):
        return _opened(health, trial.asked, now)
    return health


def _opened(health: Health, asked: timedelta, now: datetime) -> Health:
    doubled = FIRST_PAUSE * 2 ** min(health.trips, 20)
    pause = max(min(doubled, LONGEST_PAUSE), min(asked, LONGEST_ASKED_PAUSE))
    return replace(
        health, trips=health.trips + 1, open_until=now + pause, probe_token=None
    )
