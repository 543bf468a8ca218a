"""A test event on its way: what every URL has answered so far."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from webhooks.console import labels, untrusted_text
from webhooks.models import Attempt, Delivery, Event, Subscription
from webhooks.staff.deliveries import progress


@dataclass(frozen=True)
class Try:
    """One attempt, in a line."""

    attempt: Attempt
    says: str
    succeeded: bool
    body: str


@dataclass(frozen=True)
class Arrival:
    """The test at one URL."""

    delivery: Delivery
    tries: list[Try]


@dataclass(frozen=True)
class Trial:
    event: Event
    arrivals: list[Arrival]
    # In how many seconds to look again; None when it is over.
    again_in: int | None


_SHOWN = 500
"""Characters of an answer; the delivery's own page has the others."""


def of(subscription: Subscription, event_id: UUID, *, now: datetime) -> Trial | None:
    """Three statements; None where the event is no test of the subscription."""
    event = (
        Event.objects.filter(id=event_id, partner=subscription.partner_id)
        .defer("data")
        .first()
    )
    if event is None or event.attributes.get(Event.TEST_OF) != str(subscription.id):
        return None
    deliveries = list(
        event.deliveries.select_related("endpoint").order_by("endpoint__position", "id")
    )
    tries: dict[UUID, list[Try]] = defaultdict(list)
    log = Attempt.objects.filter(delivery__in=deliveries).order_by("-number")
    for attempt in log.defer("request_body", "request_headers"):
        tries[attempt.delivery_id].append(_try(attempt))
    looks = [
        seconds
        for delivery in deliveries
        if (seconds := progress.again_in(delivery, now)) is not None
    ]
    return Trial(
        event=event,
        arrivals=[Arrival(d, tries[d.id]) for d in deliveries],
        again_in=min(looks, default=None),
    )


def _try(attempt: Attempt) -> Try:
    answer = untrusted_text.of_bytes(bytes(attempt.response_body))
    return Try(
        attempt=attempt,
        says=labels.outcome(attempt.outcome),
        succeeded=labels.is_success(attempt),
        body=answer if len(answer) <= _SHOWN else f"{answer[:_SHOWN]}…",
    )
