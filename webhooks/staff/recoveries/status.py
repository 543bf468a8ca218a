"""The status of a recovery: its filter, its endpoints and its progress, or a preview before
the start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from webhooks.models import Delivery, Endpoint, Partner, Recovery, Subscription
from webhooks.operations import deliveries, recoveries, recovery_selection
from webhooks.operations.recoveries import Filter, Outcome, Progress

OUTCOMES: Mapping[str, tuple[str, str]] = {
    Outcome.EXHAUSTED: ("Failed permanently", "every attempt of the schedule failed"),
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
            "matches the subscription as it is now, and was published while it was off, "
            "disabled or not there yet"
        ),
    ),
}
"""What can be replayed: its name, and which deliveries or events that is."""

_FAILED = frozenset({Outcome.EXHAUSTED, Outcome.CANCELLED, Outcome.NOT_SENT})

MOST_NAMED = 20
"""Other recoveries that a preview names one by one."""

_SOON = 2
_LATER = 10
"""Seconds between two refreshes: while it queues, and while it only waits for responses."""

_MEANINGFUL = timedelta(seconds=5)
"""The speed of a younger recovery says nothing yet."""


@dataclass(frozen=True)
class Status:
    recovery: Recovery
    outcomes: list[str]
    since: datetime
    until: datetime
    types: list[str]
    subscription: Subscription | None
    counts: Progress

    @property
    def settled(self) -> int:
        """How many of those that were counted have ended, as far as can be known: a
        missed event may have become several deliveries."""
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
        """Seconds until the page is refreshed; None when nothing changes any more."""
        if self.recovery.state == Recovery.State.RUNNING:
            return _SOON
        return _LATER if self.counts.pending else None

    @property
    def is_total_exact(self) -> bool:
        """Whether `total` is all that it replays: it counts no further than need be, and grows."""
        return recovery_selection.is_total_exact(self.recovery)

    def queued_at(self, now: datetime) -> datetime | None:
        """When all of it is queued, if it goes on as before; None when that is unknown."""
        recovery = self.recovery
        spent = now - (recovery.started_at or now)
        if not self.is_total_exact:
            return None
        if recovery.state != Recovery.State.RUNNING or not recovery.done:
            return None
        if spent < _MEANINGFUL:
            return None
        return now + spent / recovery.done * self.left_out


def of(rows: Sequence[Recovery]) -> list[Status]:
    """Two statements, however many there are."""
    ids = {row.filter["subscription"] for row in rows} - {None}
    subscriptions = Subscription.objects.in_bulk([UUID(id) for id in ids])
    counts = recoveries.progress(rows)
    return [_status(row, subscriptions, counts[row.id]) for row in rows]


def _status(
    row: Recovery, subscriptions: Mapping[UUID, Subscription], counts: Progress
) -> Status:
    filter = row.filter
    id = filter["subscription"]
    return Status(
        recovery=row,
        outcomes=[OUTCOMES[outcome][0].lower() for outcome in filter["outcomes"]],
        since=datetime.fromisoformat(filter["since"]),
        until=datetime.fromisoformat(filter["until"]),
        types=filter["types"],
        subscription=subscriptions.get(UUID(id)) if id else None,
        counts=counts,
    )


@dataclass
class Receivers:
    """The endpoints that it can send to now, in the order of the subscriptions' names."""

    endpoints: list[Endpoint] = field(default_factory=list)
    disabled: list[Endpoint] = field(default_factory=list)
    # Subscriptions that nothing can be sent to, each with the reason.
    closed: list[tuple[Subscription, str]] = field(default_factory=list)
    # Why nothing can be sent at all.
    obstacle: str = ""


def receivers(partner: Partner, subscription: Subscription | None) -> Receivers:
    """Of one subscription, or of all that the partner has; two statements."""
    if subscription is None:
        rows = Subscription.objects.live().filter(partner=partner)
    else:
        rows = Subscription.objects.filter(id=subscription.id)
    found = Receivers()
    for row in deliveries.with_receivers(rows).order_by("name", "id"):
        try:
            found.endpoints += deliveries.receivers(row)
        except deliveries.NotReceiving as why:
            found.closed.append((row, str(why)))
            if subscription is not None or not partner.is_active:
                found.obstacle = str(why)
    receiving = {endpoint.subscription_id for endpoint in found.endpoints}
    found.disabled = list(
        Endpoint.objects.live().filter(
            subscription__in=receiving, disabled_at__isnull=False
        )
    )
    return found


# --- The preview ------------------------------------------------------------------------


@dataclass(frozen=True)
class Count:
    name: str
    explanation: str
    number: int


@dataclass(frozen=True)
class Preview:
    filter: Filter
    counts: list[Count]
    total: int
    # False: there may be more than was counted.
    is_total_exact: bool
    # How many of them the receiver has had before, and how many were never queued.
    arrived: int
    missed: int
    to: Receivers
    # Recoveries of the partner that are not over.
    running: list[Recovery]
    # When nothing matches: what else failed then, and whether some of it is on its way.
    others: list[Count]
    is_underway: bool


def preview(*, partner: Partner, filter: Filter) -> Preview:
    """Raises recoveries.InvalidFilter and deliveries.NotReceiving."""
    counts = recoveries.preview(partner=partner, filter=filter)
    rest = _FAILED - set(filter.outcomes)
    others: Mapping[Outcome, int] = {}
    is_empty = not counts.total
    if is_empty and rest:
        unchosen = replace(filter, outcomes=sorted(rest))
        others = recoveries.preview(partner=partner, filter=unchosen).by_outcome
    running = Recovery.objects.filter(partner=partner, state=Recovery.State.RUNNING)
    return Preview(
        filter=filter,
        counts=_named(counts.by_outcome),
        total=counts.total,
        is_total_exact=counts.is_exact,
        arrived=counts.by_outcome.get(Outcome.DELIVERED, 0),
        missed=counts.by_outcome.get(Outcome.MISSED, 0),
        to=receivers(partner, filter.subscription),
        running=list(running.order_by("-created_at", "-id")[:MOST_NAMED]),
        others=[count for count in _named(others) if count.number],
        is_underway=is_empty and _is_underway(partner, filter),
    )


def _named(counts: Mapping[Outcome, int]) -> list[Count]:
    return [
        Count(*OUTCOMES[outcome], counts[outcome])
        for outcome in Outcome
        if outcome in counts
    ]


def _is_underway(partner: Partner, filter: Filter) -> bool:
    """Whether an event of that time still waits to be sent, which happens by itself."""
    waiting = Delivery.objects.pending().filter(
        partner=partner,
        event__created_at__gte=filter.since,
        event__created_at__lt=filter.until or timezone.now(),
    )
    if filter.subscription is not None:
        waiting = waiting.filter(subscription=filter.subscription)
    return waiting.exists()
