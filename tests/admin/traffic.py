"""Rows of everything that moves, as the delivery worker leaves them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests import factories
from webhooks.models import (
    Attempt,
    Delivery,
    EndpointHour,
    Event,
    EventType,
    Notice,
    Partner,
    Recovery,
    Subscription,
    Worker,
    ids,
)


def delivery(subscription: Subscription | None = None, **fields: Any) -> Delivery:
    """A delivery that is settled, with one attempt that succeeded."""
    now = timezone.now()
    if subscription is None:
        subscription = factories.subscription(factories.partner(), "blaze")
    event = Event.objects.create(
        partner=subscription.partner,
        type="customer.created",
        data={"id": "c1"},
        occurred_at=now,
        created_at=now,
        matched=1,
    )
    endpoint = subscription.endpoints.get()
    made = Delivery.objects.create(
        event=event,
        partner=subscription.partner,
        subscription=subscription,
        endpoint=endpoint,
        url=endpoint.url,
        profile=subscription.profile,
        created_at=now,
        **{
            "attempts": 1,
            "state": "delivered",
            "settled_at": now,
            "last_outcome": "delivered",
            "last_status": 200,
            **fields,
        },
    )
    attempt(made)
    return made


def copy(of: Delivery, count: int) -> None:
    """As many more like it, of events of their own."""
    event = of.event
    rows = [(ids.time_ordered(), ids.time_ordered()) for _ in range(count)]
    Event.objects.bulk_create(
        Event(
            id=id, partner=event.partner, type=event.type, data=event.data,
            occurred_at=event.occurred_at, created_at=event.created_at, matched=1,
        )
        for id, _ in rows
    )  # fmt: skip
    Delivery.objects.bulk_create(
        Delivery(
            id=id, event_id=its, partner=of.partner, subscription=of.subscription,
            endpoint=of.endpoint, url=of.url, profile=of.profile, state=of.state,
            created_at=of.created_at, settled_at=of.settled_at,
        )
        for its, id in rows
    )  # fmt: skip


def attempt(of: Delivery, **fields: Any) -> Attempt:
    return Attempt.objects.create(
        delivery=of,
        number=of.attempt_log.count() + 1,
        started_at=timezone.now(),
        duration_ms=42,
        **{
            "outcome": "delivered",
            "status": 200,
            "request_headers": {"Content-Type": "application/json"},
            "response_headers": [["Server", "test"]],
            "response_body": b"ok",
            **fields,
        },
    )


def one_of_each() -> dict[type, Any]:
    """A row of every model that staff may look at, the subscription's secret included."""
    now = timezone.now()
    partner: Partner = factories.partner()
    key, _ = factories.key(partner)
    subscription = factories.subscription(partner, "blaze", secrets=["whsec_hidden"])
    sent = delivery(subscription)
    hour, _ = EndpointHour.objects.get_or_create(
        endpoint=sent.endpoint,
        partner=partner,
        hour=now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1),
        defaults={"delivered": 1, "ms_25": 1},
    )
    event_type, _ = EventType.objects.get_or_create(
        name=f"type.{partner.id.hex[:8]}", defaults={"description": "Something."}
    )
    recovery = Recovery.objects.create(
        partner=partner, state="running", total=3, actor="boss", created_at=now,
        filter={
            "outcomes": ["exhausted"], "since": now.isoformat(), "until": now.isoformat(),
            "subscription": None, "types": [],
        },
    )  # fmt: skip
    notice = Notice.objects.create(
        partner=partner,
        kind="endpoint.disabled",
        to="ops@example.com",
        created_at=now,
        due_at=now,
    )
    worker = Worker.objects.create(
        host="host", pid=1, backend="local", started_at=now, seen_at=now
    )
    return {
        type(row): row
        for row in (
            partner,
            key,
            subscription,
            subscription.endpoints.get(),
            subscription.secrets.get(),
            sent.event,
            sent,
            sent.attempt_log.get(),
            hour,
            event_type,
            recovery,
            notice,
            worker,
        )
    }
