"""A test event on its way: what every URL has answered so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from webhooks.console import labels, untrusted_text
from webhooks.delivery.result import Outcome
from webhooks.models import Attempt, Delivery, Event, Subscription
from webhooks.staff.deliveries import timeline

_MOST_SHOWN = 500
"""Characters of an answer; the delivery's own page has the others."""


@dataclass(frozen=True)
class Try:
    """One attempt, in a line."""

    attempt: Attempt
    result: str
    succeeded: bool
    body: str


@dataclass(frozen=True)
class TestResult:
    event: Event
    # The delivery to each URL, with its attempts.
    deliveries: Sequence[tuple[Delivery, Sequence[Try]]]
    # In how many seconds to look again; None when all are settled.
    again_in: int | None


def of(
    subscription: Subscription, event_id: UUID, *, now: datetime
) -> TestResult | None:
    """Three statements; None when the event is no test of the subscription."""
    rows = Event.objects.filter(id=event_id, partner=subscription.partner_id)
    event = rows.defer("data").first()
    if event is None or event.attributes.get(Event.TEST_OF) != str(subscription.id):
        return None
    sent = list(
        event.deliveries.select_related("endpoint").order_by("endpoint__position", "id")
    )
    tries: dict[UUID, list[Try]] = {delivery.id: [] for delivery in sent}
    log = Attempt.objects.filter(delivery__in=sent).order_by("-number")
    for attempt in log.defer("request_body", "request_headers"):
        tries[attempt.delivery_id].append(_try(attempt))
    looks = [timeline.again_in(delivery, now) for delivery in sent]
    return TestResult(
        event=event,
        deliveries=[(delivery, tries[delivery.id]) for delivery in sent],
        again_in=min((each for each in looks if each is not None), default=None),
    )


def _try(attempt: Attempt) -> Try:
    answer = untrusted_text.of_bytes(bytes(attempt.response_body))
    return Try(
        attempt=attempt,
        result=labels.outcome(attempt.outcome),
        succeeded=attempt.outcome == Outcome.OK,
        body=answer if len(answer) <= _MOST_SHOWN else f"{answer[:_MOST_SHOWN]}…",
    )
