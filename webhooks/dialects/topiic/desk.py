"""How staff see and change Topiic's settings: those of one API key."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from webhooks.models import ApiKey, Partner, Subscription
from webhooks.operations import subscriptions
from webhooks.rest import desks
from webhooks.rest.settings import Choice, Field, Kind, events

from . import serializers, views, wire

NO_KEY = "Choose one of the partner's keys that has no settings yet."


class Desk(desks.Desk):
    renderer = views.Endpoint.renderer_classes[0]
    says = frozenset({"is_active"})
    remark = (
        "Topiic documents no way to read the settings: this is the answer to a change."
    )

    def request(self, subscription: Subscription) -> str:
        return f"PUT /api/ApiKeys/{subscription.public_id}/webhook"

    def settings(
        self, partner: Partner, subscription: Subscription | None
    ) -> Sequence[Field]:
        fields = [
            Field(
                name="webhookUrl",
                label="URL",
                kind=Kind.URL,
                help="Topiic keeps one URL per key. Without one nothing is sent.",
            ),
            Field(
                name="webhookEvents",
                label="Events",
                kind=Kind.EVENTS,
                choices=events(self.profile),
                is_open=True,
                help="Topiic's own list is not complete: any other name is kept, and an "
                "event type of that name is sent under it. With none, nothing is sent.",
            ),
            Field(name="webhookEnabled", label="Enabled", kind=Kind.FLAG),
        ]
        return fields if subscription else [self._key(partner), *fields]

    def _key(self, partner: Partner) -> Field:
        return Field(
            name="key",
            label="API key",
            kind=Kind.KEY,
            required=True,
            choices=[
                Choice(str(key.id), f"{key} (whk_{key.prefix})")
                for key in _free(partner, timezone.now())
            ],
            help="Topiic binds settings to a key. Offered are the partner's usable keys "
            "that have none yet.",
        )

    def stored(self, subscription: Subscription | None) -> dict[str, Any]:
        if subscription is None:
            return {
                "key": "",
                "webhookUrl": "",
                "webhookEvents": [],
                "webhookEnabled": True,
            }
        return {
            "webhookUrl": next(iter(subscription.urls), ""),
            "webhookEvents": subscription.events,
            "webhookEnabled": subscription.is_active,
        }

    def new(
        self, partner: Partner, values: Mapping[str, Any], now: datetime
    ) -> desks.Wish:
        named = serializers.guid(values["key"])
        key = _free(partner, now).filter(id=named).first() if named else None
        errors: dict[str, Any] = {} if key else {"key": [NO_KEY]}
        fields: subscriptions.SubscriptionFields = {}
        try:
            fields = _wishes(partner, key.id if key else UUID(int=0), values, {})
        except ValidationError as error:
            errors |= error.detail  # type: ignore[arg-type]
        if key is None or errors:
            raise ValidationError(errors)
        return desks.Wish(
            place=views.place(partner, key),
            fields={"secrets": [wire.new_secret()], **fields},
        )

    def changes(
        self, subscription: Subscription, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        # A full replacement: what is not given is said again.
        values = {**self.stored(subscription), **given}
        key = UUID(subscription.public_id)
        return _wishes(subscription.partner, key, values, subscription.extras)

    def answer(self, subscription: Subscription, now: datetime) -> Any:
        key = subscription.api_key
        assert key is not None  # noqa: S101 - its place names one
        return serializers.api_key_settings(key, subscription, at=now)

    def taken(self, partner: Partner) -> Mapping[str, list[str]]:
        return {"key": [NO_KEY]}


def _free(partner: Partner, now: datetime) -> QuerySet[ApiKey]:
    """The partner's usable keys without settings."""
    bound = Subscription.objects.of(partner, "topiic").values("api_key")
    keys = ApiKey.objects.of(partner).usable_at(now).exclude(id__in=bound)
    return keys.order_by("name", "created_at")


def _wishes(
    partner: Partner, key: UUID, values: Mapping[str, Any], extras: Mapping[str, Any]
) -> subscriptions.SubscriptionFields:
    body = {
        **extras,
        "id": str(key),
        "merchantId": str(partner.id),
        "webhookUrl": values["webhookUrl"] or None,
        "webhookEvents": values["webhookEvents"],
        "webhookEnabled": values["webhookEnabled"],
    }
    return views.wishes(views.asked(body, text=orjson.dumps(body), id=str(key)))
