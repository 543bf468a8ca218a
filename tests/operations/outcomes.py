"""Deliveries that have ended one way or another, without sending anything."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from tests import factories
from tests.clock import at
from webhooks.delivery import standard
from webhooks.models import Delivery, Event, Partner, Subscription
from webhooks.operations import events
from webhooks.operations.audit import SYSTEM

URL = "https://receiver.example.com/hook"


def hook(of: Partner, *urls: str, **fields) -> Subscription:
    fields.setdefault("profile", standard.NAME)
    return factories.subscription(of, "portal", urls=urls or [URL], **fields)


def publish(
    of: Partner,
    type: str = "order.created",
    *,
    now: datetime | None = None,
    **more: Any,
) -> Event:
    fields: dict[str, Any] = {
        "by": SYSTEM,
        "partner": of,
        "type": type,
        "data": {"id": 1},
    } | more
    if now is None:
        return events.publish(**fields).event
    return at(now, events.publish, **fields).event


def settle(delivery: Delivery, state: str, *, at: datetime | None = None) -> Delivery:
    Delivery.objects.filter(id=delivery.id).update(
        state=state, due_at=None, claim_token=None, settled_at=at or timezone.now()
    )
    delivery.refresh_from_db()
    return delivery


def ended(of: Partner, state: str, **fields) -> Delivery:
    """The one delivery of a new event, settled."""
    return settle(publish(of, **fields).deliveries.get(), state)
