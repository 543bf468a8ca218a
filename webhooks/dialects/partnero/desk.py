"""How staff see and change a webhook of Partnero's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from webhooks.models import Partner, Subscription
from webhooks.rest import desks
from webhooks.rest.settings import Field, Kind, events

from . import serializers, views, wire


class Desk(desks.Desk):
    renderer = views.Endpoint.renderer_classes[0]
    says = frozenset({"name", "is_active"})
    tells_secrets = True

    def request(self, subscription: Subscription) -> str:
        return f"GET /v1/webhooks/{subscription.public_id}"

    def settings(
        self, partner: Partner, subscription: Subscription | None
    ) -> Sequence[Field]:
        key = Field(
            name="key",
            label="Key of the webhook",
            kind=Kind.TEXT,
            most=serializers.KEY_LENGTH,
            help="Its id in Partnero's API, for good: letters, digits, - and _. Empty: "
            "one is made.",
        )
        fields = [
            Field(
                name="name",
                label="Name",
                kind=Kind.TEXT,
                required=True,
                most=serializers.NAME_LENGTH,
            ),
            Field(
                name="url",
                label="URL",
                kind=Kind.URL,
                required=True,
                help="Partnero keeps one URL per webhook.",
            ),
            Field(
                name="events",
                label="Events",
                kind=Kind.EVENTS,
                required=True,
                choices=events(
                    self.profile, subscription.events if subscription else None
                ),
                help="At least one.",
            ),
            Field(name="is_active", label="Active", kind=Kind.FLAG),
        ]
        return fields if subscription else [*fields, key]

    def stored(self, subscription: Subscription | None) -> dict[str, Any]:
        if subscription is None:
            return {"name": "", "url": "", "events": [], "is_active": True, "key": ""}
        return {
            "name": subscription.name,
            "url": next(iter(subscription.urls), ""),
            "events": subscription.events or [],
            "is_active": subscription.is_active,
        }

    def new(
        self, partner: Partner, values: Mapping[str, Any], now: datetime
    ) -> desks.Wish:
        key, fields = views.created(values)
        return desks.Wish(
            place=views.place(partner, key),
            fields={"secrets": [wire.new_secret()], **fields},
        )

    def changes(
        self, subscription: Subscription, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        return views.changed(subscription, given)

    def answer(self, subscription: Subscription, now: datetime) -> Any:
        return views.enveloped(subscription, now)

    def masked(self, value: Any) -> Any:
        return {**value, "data": {**value["data"], "signature": desks.MASK}}

    def taken(self, partner: Partner) -> Mapping[str, list[str]]:
        return {"key": [serializers.KEY_TAKEN]}
