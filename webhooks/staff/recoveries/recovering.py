"""How a recovery stands: what it was asked for, how far it has come, what comes next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from webhooks.console import labels
from webhooks.models import Recovery, Subscription
from webhooks.operations import recoveries
from webhooks.operations.recoveries import Outcome, Progress

OUTCOMES: Mapping[str, tuple[str, str]] = {
    Outcome.EXHAUSTED: ("Exhausted", "every attempt of the schedule failed"),
    Outcome.CANCELLED: (
        "Cancelled",
        "ended while it waited: its endpoint was disabled, or somebody cancelled it",
    ),
    Outcome.NOT_SENT: ("Not sent", "the subscription had no URL to send it to"),
    Outcome.DELIVERED: (
        "Delivered",
        "arrived before, and is sent once more: only for a receiver that has lost it",
    ),
    Outcome.MISSED: (
        "Missed",
        (
            "wanted by the subscription as it is now, and published while it was off, "
            "disabled or not there yet"
        ),
    ),
}
"""What can be recovered: its name, and which deliveries or events that is."""

_SOON = 2
_LATER = 10
"""Seconds between two looks: while it queues, and while it only waits for answers."""

_TELLING = timedelta(seconds=5)
"""A recovery this old has a speed that is worth extrapolating."""


@dataclass(frozen=True)
class Standing:
    recovery: Recovery
    tone: str
    outcomes: list[str]
    since: datetime
    until: datetime
    types: list[str]
    subscription: Subscription | None
    counts: Progress

    @property
    def settled(self) -> int:
        """How many of those that were counted have come to an end, as far as that can be
        told: a missed event may have become several deliveries."""
        return max(self.recovery.done - self.counts.pending, 0)

    @property
    def most(self) -> int:
        """What `settled` reaches at the end; never 0, which no progress bar takes."""
        is_running = self.recovery.state == Recovery.State.RUNNING
        return (self.recovery.total if is_running else self.recovery.done) or 1

    @property
    def left_out(self) -> int:
        return self.recovery.total - self.recovery.done

    @property
    def is_over(self) -> bool:
        return self.again_in is None

    @property
    def again_in(self) -> int | None:
        """In how many seconds to look again; None when nothing of it moves any more."""
        if self.recovery.state == Recovery.State.RUNNING:
            return _SOON
        return _LATER if self.counts.pending else None

    def over_at(self, now: datetime) -> datetime | None:
        """When all of it is queued, if it goes on as before; None when that is unknown."""
        recovery = self.recovery
        spent = now - (recovery.started_at or now)
        if recovery.state != Recovery.State.RUNNING or not recovery.done:
            return None
        if spent < _TELLING:
            return None
        return now + spent / recovery.done * self.left_out


def of(rows: Sequence[Recovery]) -> list[Standing]:
    """Two statements, however many there are."""
    asked = {row.filter["subscription"] for row in rows} - {None}
    subscriptions = Subscription.objects.in_bulk([UUID(id) for id in asked])
    counts = recoveries.progress(rows)
    return [_standing(row, subscriptions, counts[row.id]) for row in rows]


def _standing(
    row: Recovery, subscriptions: Mapping[UUID, Subscription], counts: Progress
) -> Standing:
    asked = row.filter
    id = asked["subscription"]
    return Standing(
        recovery=row,
        tone=labels.COLOURS[row.state],
        outcomes=[OUTCOMES[outcome][0].lower() for outcome in asked["outcomes"]],
        since=datetime.fromisoformat(asked["since"]),
        until=datetime.fromisoformat(asked["until"]),
        types=asked["types"],
        subscription=subscriptions.get(UUID(id)) if id else None,
        counts=counts,
    )
