"""How staff see and change Capa's settings: one URL, or none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from webhooks.models import Partner, Subscription
from webhooks.rest import desks
from webhooks.rest.settings import Field, Kind

from . import serializers, views, wire
from .protocol import VERSION_1


class Desk(desks.Desk):
    renderer = views.Endpoint.renderer_classes[0]
    remark = (
        "Capa documents no way to read the settings: this is the answer to a change."
    )

    def request(self, subscription: Subscription) -> str:
        return "PUT /api/partner/v1/webhook-settings"

    def present(self, partner: Partner) -> Subscription | None:
        return Subscription.objects.of(partner, self.slug).filter(shop_id="").first()

    def settings(
        self, partner: Partner, subscription: Subscription | None
    ) -> Sequence[Field]:
        return [
            Field(
                name="url",
                label="URL",
                kind=Kind.URL,
                help="It is told of every Capa event: Capa's settings name none. "
                "Without a URL nothing is sent, and what happens meanwhile is not "
                "sent later by itself.",
            )
        ]

    def stored(self, subscription: Subscription | None) -> dict[str, Any]:
        return {"url": next(iter(subscription.urls), "") if subscription else ""}

    def new(
        self, partner: Partner, values: Mapping[str, Any], now: datetime
    ) -> desks.Wish:
        fields = views.wishes({"url": values["url"] or None})
        secrets = [wire.new_secret()]
        return desks.Wish(
            place=views.place(partner), fields={"secrets": secrets, **fields}
        )

    def changes(
        self, subscription: Subscription, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        url = {**self.stored(subscription), **given}["url"]
        return views.wishes({**subscription.extras, "url": url or None})

    def answer(self, subscription: Subscription, now: datetime) -> Any:
        return VERSION_1.success(serializers.webhook_settings(subscription))

    def taken(self, partner: Partner) -> Mapping[str, list[str]]:
        return {"": [f"{partner} has its Capa settings already; there is one of them."]}
