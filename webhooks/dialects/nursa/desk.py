"""How staff see and change a user webhook of Nursa's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from webhooks.models import ApiKey, Partner, Subscription
from webhooks.rest import desks
from webhooks.rest.settings import Choice, Field, Kind, events

from . import serializers, views, wire

ALL = Choice(wire.ALL, wire.ALL, "Every event of the list, whatever else is chosen.")


class Desk(desks.Desk):
    renderer = views.Endpoint.renderer_classes[0]
    tells_secrets = True
    remark = (
        "Nursa documents no way to read one webhook: this is the answer to a change. "
        "Its clientId is the id of the key that asks; here, of the partner's oldest "
        "usable key."
    )

    def request(self, subscription: Subscription) -> str:
        return f"PATCH /api/v2/public/webhooks/user/{subscription.id}"

    def settings(
        self, partner: Partner, subscription: Subscription | None
    ) -> Sequence[Field]:
        listed = subscription.events if subscription else None
        named = events(self.profile, listed)
        secrets = Field(
            name="secrets",
            label="Secrets",
            kind=Kind.SECRETS,
            most=serializers.MAX_SECRETS,
            help="Of the partner's own making, one a line; each signs. Empty: one is "
            "made.",
        )
        fields = [
            Field(
                name="url",
                label="URL",
                kind=Kind.URL,
                required=True,
                help="Nursa keeps one URL per webhook, and it begins with https://.",
            ),
            Field(
                name="events",
                label="Events",
                kind=Kind.EVENTS,
                required=True,
                choices=[ALL, *(each for each in named if each.value != wire.ALL)],
                help="At least one.",
            ),
        ]
        return fields if subscription else [*fields, secrets]

    def stored(self, subscription: Subscription | None) -> dict[str, Any]:
        if subscription is None:
            return {"url": "", "events": [], "secrets": []}
        return {
            "url": next(iter(subscription.urls), ""),
            "events": subscription.events or [],
        }

    def new(
        self, partner: Partner, values: Mapping[str, Any], now: datetime
    ) -> desks.Wish:
        body = {**values, "secrets": values["secrets"] or None}
        wishes = views.read(serializers.CreateWebhook, body)
        return desks.Wish(place=views.place(partner), fields=wishes)

    def changes(
        self, subscription: Subscription, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        # Of a PATCH that changes anything else the events are required, too.
        body = {"events": self.stored(subscription)["events"], **given}
        wishes = views.read(serializers.UpdateWebhook, body)
        return views.changed(subscription, wishes)

    def answer(self, subscription: Subscription, now: datetime) -> Any:
        keys = ApiKey.objects.of(subscription.partner).usable_at(now)
        oldest = keys.order_by("created_at", "id").first()
        client_id = oldest.id if oldest else subscription.partner_id
        return {"data": serializers.webhook(subscription, client_id=client_id, at=now)}

    def masked(self, value: Any) -> Any:
        secrets = [desks.MASK for _ in value["data"]["secrets"]]
        return {"data": {**value["data"], "secrets": secrets}}
