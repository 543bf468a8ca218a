"""What a recovery would do, said before it is started."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from webhooks.models import Delivery, Partner, Recovery
from webhooks.operations import recoveries
from webhooks.operations.recoveries import Filter, Outcome

from . import status
from .status import Receivers

MOST_NAMED = 20
"""URLs, subscriptions and other recoveries that are named one by one."""

_FAILED = frozenset({Outcome.EXHAUSTED, Outcome.CANCELLED, Outcome.NOT_SENT})


@dataclass(frozen=True)
class Count:
    name: str
    explanation: str
    number: int


@dataclass(frozen=True)
class Preview:
    filter: Filter
    counts: list[Count]
    to: Receivers
    # Recoveries of the partner that are not over.
    running: list[Recovery]
    # When nothing matches: what else failed then, and whether some of it is on its way.
    others: list[Count]
    is_underway: bool

    @property
    def total(self) -> int:
        return sum(count.number for count in self.counts)

    @property
    def arrived(self) -> int:
        """How many of them the receiver has had before."""
        return self._number(Outcome.DELIVERED)

    @property
    def missed(self) -> int:
        return self._number(Outcome.MISSED)

    def _number(self, outcome: Outcome) -> int:
        name = status.OUTCOMES[outcome][0]
        return sum(count.number for count in self.counts if count.name == name)


def of(*, partner: Partner, filter: Filter, now: datetime) -> Preview:
    """Raises recoveries.InvalidFilter and deliveries.NotReceiving."""
    counts = recoveries.preview(partner=partner, filter=filter, now=now)
    rest = _FAILED - set(filter.outcomes)
    others: Mapping[Outcome, int] = {}
    is_empty = not any(counts.values())
    if is_empty and rest:
        others = recoveries.preview(
            partner=partner, filter=replace(filter, outcomes=sorted(rest)), now=now
        )
    running = Recovery.objects.filter(partner=partner, state=Recovery.State.RUNNING)
    return Preview(
        filter=filter,
        counts=_named(counts),
        to=status.receivers(partner, filter.subscription),
        running=list(running.order_by("-created_at", "-id")[:MOST_NAMED]),
        others=[count for count in _named(others) if count.number],
        is_underway=is_empty and _is_underway(partner, filter, now),
    )


def _named(counts: Mapping[Outcome, int]) -> list[Count]:
    return [
        Count(*status.OUTCOMES[outcome], counts[outcome])
        for outcome in Outcome
        if outcome in counts
    ]


def _is_underway(partner: Partner, filter: Filter, now: datetime) -> bool:
    """Whether an event of that time still waits to be sent, which happens by itself."""
    waiting = Delivery.objects.pending().filter(
        partner=partner,
        event__created_at__gte=filter.since,
        event__created_at__lt=filter.until or now,
    )
    if filter.subscription is not None:
        waiting = waiting.filter(subscription=filter.subscription)
    return waiting.exists()
