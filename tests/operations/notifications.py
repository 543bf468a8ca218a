"""Endpoint notifications as a settlement makes them, for their tests."""

from datetime import UTC, datetime

from django.db import transaction

from webhooks.delivery.endpoint_notifications import EndpointNotification, Kind
from webhooks.models import (
    Delivery,
    Endpoint,
    Subscription,
)
from webhooks.operations import endpoint_notifications

URL = "https://receiver.example.com/hook"
OPS = "https://ops.example.com/hook"
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SINCE = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
GONE = "The receiver answered 410 Gone."


def notification(kind: Kind, endpoint: Endpoint, **fields) -> EndpointNotification:
    return EndpointNotification(
        kind=kind,
        endpoint_id=endpoint.id,
        **{  # type: ignore[arg-type]
            "at": AT,
            "failing_since": SINCE,
            "failures": 9,
            "outcome": "status",
            "status": 500,
            "event_type": "order.created",
        }
        | fields,
    )


def write(*notifications: EndpointNotification) -> None:
    """As a settlement does."""
    with transaction.atomic():
        endpoint_notifications.write(notifications)


def disable(
    endpoint: Endpoint, reason: str = GONE, *, last: bool = True
) -> EndpointNotification:
    """What the settlement has written before it notifies."""
    Endpoint.objects.filter(id=endpoint.id).update(
        disabled_at=AT, disabled_reason=reason
    )
    if last:
        Subscription.objects.filter(id=endpoint.subscription_id).update(
            disabled_at=AT, disabled_reason=reason
        )
    return notification(Kind.DISABLED, endpoint, reason=reason, status=410)


def waiting() -> set[tuple[str, str]]:
    """The type and URL of every delivery that waits to be sent."""
    return set(Delivery.objects.pending().values_list("event__type", "url"))
