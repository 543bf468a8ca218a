"""The filter of a recovery, and the deliveries and events that it selects."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from webhooks.models import (
    Delivery,
    Event,
    Partner,
    PendingFanout,
    Recovery,
    Subscription,
    ids,
)

from . import deliveries, event_deliveries, matching

LONGEST_OUTAGE = timedelta(days=30)
"""How far back a first failure is looked for; a caller who needs more gives a time."""


MOST_COUNTED = 100_000
"""Deliveries, and events, that are looked through to count what a filter selects, the oldest first:
12 µs each. A recovery replays all, however many there are."""


class Outcome(StrEnum):
    """The outcome of a delivery that is to be replayed."""

    EXHAUSTED = "exhausted"
    CANCELLED = "cancelled"
    NOT_SENT = "not_sent"
    DELIVERED = "delivered"
    MISSED = "missed"
    """Events that the subscription matches as it is now and that were never queued for it, because it
    was off, disabled or not there yet."""


class InvalidFilter(Exception):
    """A filter that selects nothing that makes sense: which `field`, and a `message`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Times are when the event was published, `since` included and `until` not."""

    outcomes: Collection[Outcome]
    since: datetime
    until: datetime | None = None  # None: until the recovery is started
    subscription: Subscription | None = None  # None: all of the partner's
    types: Collection[str] = ()  # none: every type


@dataclass(frozen=True)
class Counts:
    """The number of rows that a filter selects, for each of its outcomes."""

    by_outcome: Mapping[Outcome, int]
    is_exact: bool
    """False: there are more rows than MOST_COUNTED to look through, and may be more to replay."""

    @property
    def total(self) -> int:
        return sum(self.by_outcome.values())


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The rows of a partner that a filter selects, at one moment."""

    partner: Partner
    filter: Filter
    until: datetime
    at: datetime
    receiving: Mapping[UUID, Subscription]
    """The subscriptions that can be sent to, each with its `receivers`."""

    def events(self) -> QuerySet[Event]:
        """Every event of the range, whatever became of it, in the order of publishing."""
        return Event.objects.filter(
            partner=self.partner,
            id__gte=ids.before(self.filter.since),
            id__lt=ids.after(self.until),
            created_at__gte=self.filter.since,
            created_at__lt=self.until,
        ).order_by("id")

    def deliveries(self) -> QuerySet[Delivery]:
        """Those to repeat: first deliveries, never repeats, so that one event is sent
        once however often it was tried. What is on its way again is left out, and what
        failed and has arrived by a repeat."""
        # By its event, which is indexed and has few deliveries.
        repeats = Delivery.objects.filter(
            event_id=OuterRef("event_id"), redelivery_of=OuterRef("id")
        )
        arrived = repeats.filter(state=Delivery.State.DELIVERED)
        found = (
            self._first_deliveries()
            .filter(
                settled_at__lte=self.at,
                subscription_id__in=list(self.receiving),
                event__created_at__gte=self.filter.since,
                event__created_at__lt=self.until,
            )
            .filter(
                Q(endpoint__disabled_at=None)
                | Q(endpoint__removed_at__isnull=False)  # another takes its place
            )
            # An endpoint is not sent what is about itself, the second time neither.
            .exclude(state=Delivery.State.CANCELLED, reason=event_deliveries.OWN)
            .exclude(event__attributes__has_key=Event.TEST_OF)
            .filter(Q(state=Delivery.State.DELIVERED) | ~Exists(arrived))
            .filter(~Exists(repeats.filter(state=Delivery.State.PENDING)))
        )
        types = self.filter.types
        return found.filter(event__type__in=types) if types else found

    def _first_deliveries(self) -> QuerySet[Delivery]:
        """Those that an index finds, among which the ones to repeat are."""
        return Delivery.objects.filter(
            partner=self.partner,
            id__gte=ids.before(self.filter.since),
            redelivery_of=None,
            state__in=set(self.filter.outcomes) - {Outcome.MISSED},
        )

    def missed(self) -> QuerySet[Event]:
        """Events that the one subscription has no delivery of, whether it matches them or not."""
        subscription = self.filter.subscription
        if subscription is None or Outcome.MISSED not in self.filter.outcomes:
            return Event.objects.none()
        queued = Delivery.objects.filter(
            event_id=OuterRef("id"), subscription_id=subscription.id
        )
        found = (
            self.events()
            .filter(~Exists(queued))
            .exclude(attributes__has_key=Event.TEST_OF)
        )
        types = self.filter.types
        return found.filter(type__in=types) if types else found

    def counts(self) -> Counts:
        """Takes a second or two at most."""
        counted: Counter[Outcome] = Counter(dict.fromkeys(self.filter.outcomes, 0))
        rows, all_deliveries = _counted(self.deliveries(), of=self._first_deliveries())
        states = rows.values_list("state").annotate(Count("id"))
        for state, number in states.order_by():
            counted[Outcome(state)] = number
        # Whether it matches depends on type and shop alone, so they are counted by these.
        # What is still to be queued for others may be for this one, too: `total` grows.
        missed, all_events = _counted(self.missed(), of=self.events())
        queued = missed.filter(pending_fanout=None)
        kinds = queued.annotate(shop=KT("attributes__shop_id"))
        for type, shop, number in (
            kinds.values_list("type", "shop").annotate(Count("id")).order_by()
        ):
            if self.matches(Event(type=type, attributes={"shop_id": shop})):
                counted[Outcome.MISSED] += number
        return Counts(dict(counted), is_exact=all_deliveries and all_events)

    def still_to_be_queued(self, events: Collection[UUID]) -> set[UUID]:
        """Those of the events that workers will yet queue for the one subscription. Their
        fan-outs are locked until the transaction ends, so `missed` is to be read later."""
        subscription = self.filter.subscription
        if subscription is None or Outcome.MISSED not in self.filter.outcomes:
            return set()
        unfinished = PendingFanout.objects.select_for_update(of=("self",)).filter(
            event__in=events
        )
        return {
            fanout.event_id
            for fanout in unfinished.order_by("event_id")
            if fanout.has(subscription.id)
        }

    def matches(self, event: Event) -> bool:
        """Whether the one subscription matches the event today."""
        (subscription,) = self.receiving.values()
        return matching.why_not(subscription, event) is None


def _counted(rows: QuerySet[Any], *, of: QuerySet[Any]) -> tuple[QuerySet[Any], bool]:
    """Those of the rows that are among the first MOST_COUNTED `of` more; and whether that is all."""
    if rows.query.is_empty():
        return rows, True
    ids_in_order = of.order_by("id").values_list("id", flat=True)
    end = ids_in_order[MOST_COUNTED : MOST_COUNTED + 1].first()
    return (rows, True) if end is None else (rows.filter(id__lt=end), False)


def select(partner: Partner, filter: Filter, *, at: datetime) -> Selection:
    """Raises InvalidFilter, and deliveries.NotReceiving for a subscription, or a partner,
    that nothing can be sent to."""
    until = min(filter.until or at, at)
    _check(partner, filter, until)
    found = Subscription.objects.live().filter(partner=partner)
    if filter.subscription is not None:
        found = Subscription.objects.filter(id=filter.subscription.id)
    receiving: dict[UUID, Subscription] = {}
    for subscription in deliveries.with_receivers(found):
        try:
            deliveries.receivers(subscription)
        except deliveries.NotReceiving:
            if filter.subscription is not None or not partner.is_active:
                raise
            continue
        receiving[subscription.id] = subscription
    return Selection(
        partner=partner, filter=filter, until=until, at=at, receiving=receiving
    )


def first_failure(
    *, partner: Partner, subscription: Subscription | None
) -> datetime | None:
    """When the oldest event was published that did not arrive and could be replayed; None
    where there is none of the last LONGEST_OUTAGE. Raises deliveries.NotReceiving.

    Not when an endpoint began to fail: to mend it, or to enable it, forgets that.
    """
    now = timezone.now()
    failures = Filter(
        outcomes=[Outcome.EXHAUSTED, Outcome.CANCELLED, Outcome.NOT_SENT],
        since=now - LONGEST_OUTAGE,
        subscription=subscription,
    )
    found = select(partner, failures, at=now).deliveries().order_by("id")
    return found.values_list("event__created_at", flat=True).first()


def written(filter: Filter, until: datetime, counts: Counts) -> dict[str, Any]:
    """As a recovery keeps it, with the end that it has by now; and whether its total is exact."""
    return {
        "outcomes": sorted(filter.outcomes),
        "since": filter.since.isoformat(),
        "until": until.isoformat(),
        "subscription": filter.subscription and str(filter.subscription.id),
        "types": sorted(filter.types),
        "is_total_exact": counts.is_exact,
    }


def is_total_exact(recovery: Recovery) -> bool:
    """Whether its total is all that it replays. One from before 0.2 was counted whole."""
    is_over = recovery.state == Recovery.State.DONE
    return is_over or bool(recovery.filter.get("is_total_exact", True))


def read(recovery: Recovery) -> Filter:
    kept = recovery.filter
    id = kept["subscription"]
    return Filter(
        outcomes=[Outcome(outcome) for outcome in kept["outcomes"]],
        since=datetime.fromisoformat(kept["since"]),
        until=datetime.fromisoformat(kept["until"]),
        subscription=Subscription.objects.get(id=id) if id else None,
        types=kept["types"],
    )


def _check(partner: Partner, filter: Filter, until: datetime) -> None:
    if not filter.outcomes:
        raise InvalidFilter("outcomes", "Must name at least one.")
    if filter.since >= until:
        raise InvalidFilter("since", "Must be before `until`, and in the past.")
    if filter.subscription is None:
        if Outcome.MISSED in filter.outcomes:
            raise InvalidFilter("subscription", "Is needed to know what it missed.")
    elif filter.subscription.partner_id != partner.id:
        raise InvalidFilter("subscription", "Is none of the partner's.")
