"""The subscriptions of the portal's own API."""

from typing import Any

from rest_framework import serializers

from webhooks.models import Subscription
from webhooks.operations import endpoints, eventchecks
from webhooks.rest.fields import Flag, List, Strict, Text, Url

from .fields import EventName, Whole, timestamp


def _events() -> List:
    return List(
        child=EventName(max_length=eventchecks.MAX_TYPE),
        allow_null=True,
        required=False,
        help_text="Canonical event types; null is every type, an empty list none.",
    )


def _limit(field: str, help_text: str) -> Whole:
    return Whole(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=endpoints.LIMITS[field],
        help_text=f"{help_text}; null is the portal's own limit.",
    )


class SubscriptionChanges(Strict):
    """What is given is changed, the rest is left."""

    url = Url(required=False, max_length=2048)
    events = _events()
    name = Text(required=False, allow_blank=True, max_length=255)
    shop_id = Text(required=False, allow_blank=True, max_length=255)
    is_active = Flag(required=False)
    max_in_flight = _limit("max_in_flight", "Requests under way at once")
    rate_per_minute = _limit("rate_per_minute", "Requests a minute")
    is_ordered = Flag(
        required=False,
        help_text="One delivery at a time, in the order of the events: the next one "
        "when the one before it has settled for good.",
    )


class NewSubscription(SubscriptionChanges):
    """A subscription to create; its deliveries follow Standard Webhooks 1.0.0."""

    url = Url(max_length=2048)


class PortalSubscription(serializers.Serializer[Any]):
    id = serializers.CharField()
    url = serializers.CharField(allow_null=True)
    events = serializers.ListField(child=serializers.CharField(), allow_null=True)
    name = serializers.CharField()
    shop_id = serializers.CharField(help_text="Empty: of every shop.")
    is_active = serializers.BooleanField()
    max_in_flight = serializers.IntegerField(allow_null=True)
    rate_per_minute = serializers.IntegerField(allow_null=True)
    is_ordered = serializers.BooleanField()
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CreatedSubscription(PortalSubscription):
    """A new subscription, and the secret that signs for it."""

    secret = serializers.CharField(
        help_text="`whsec_` and base64. Shown to keys with the scope `secrets:reveal`, "
        "••••••••, to the others.",
    )


class SubscriptionPage(serializers.Serializer[Any]):
    """Oldest first; `next` is the address of the following page, null on the last."""

    data = PortalSubscription(many=True)  # type: ignore[assignment]
    next = serializers.URLField(allow_null=True)


def portal_subscription(row: Subscription) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "url": row.url,
        "events": row.events,
        "name": row.name,
        "shop_id": row.shop_id,
        "is_active": row.is_active,
        "max_in_flight": row.max_in_flight,
        "rate_per_minute": row.rate_per_minute,
        "is_ordered": row.is_ordered,
        "disabled_at": timestamp(row.disabled_at),
        "disabled_reason": row.disabled_reason or None,
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
    }
