"""How staff see and change a registration of BLAZE's: URLs, and one type of event."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from webhooks.models import Partner, Subscription
from webhooks.operations.subscriptions import MAX_ENDPOINTS
from webhooks.rest import desks
from webhooks.rest.settings import Field, Kind, events

from . import serializers, views

EVERY_TYPE = "Every type of event"


class Desk(desks.Desk):
    renderer = views.Endpoint.renderer_classes[0]

    def request(self, subscription: Subscription) -> str:
        return f"GET /api/v1/partner/webHooks/{subscription.public_id}"

    def settings(
        self, partner: Partner, subscription: Subscription | None
    ) -> Sequence[Field]:
        listed = subscription.events if subscription else None
        return [
            Field(
                name="webHookUrls",
                label="URLs",
                kind=Kind.URLS,
                required=subscription is None,
                most=MAX_ENDPOINTS,
                help="One a line. Every event goes to each of them.",
            ),
            Field(
                name="url",
                label="Single URL",
                kind=Kind.URL,
                help="From before there was a list; it is called beside the list. May "
                "be empty.",
            ),
            Field(
                name="webHookType",
                label="Event",
                kind=Kind.EVENT,
                choices=events(self.profile, listed),
                none_means=EVERY_TYPE,
                help="BLAZE has one event per registration: another event needs "
                "another registration.",
            ),
            Field(
                name="shopId",
                label="Shop id",
                kind=Kind.TEXT,
                most=serializers.LONGEST_SHOP_ID,
                help="Only events of this shop are sent. Once given it can be changed "
                "and not taken away."
                if subscription
                else "Only events of this shop are sent; empty for every shop. Once "
                "given it can be changed and not taken away.",
            ),
        ]

    def stored(self, subscription: Subscription | None) -> dict[str, Any]:
        if subscription is None:
            return {"webHookUrls": [], "url": "", "webHookType": "", "shopId": ""}
        url, web_hook_urls = serializers.as_given(subscription)
        return {
            "webHookUrls": web_hook_urls,
            "url": url or "",
            "webHookType": next(iter(subscription.events or ()), ""),
            "shopId": subscription.shop_id,
        }

    def new(
        self, partner: Partner, values: Mapping[str, Any], now: datetime
    ) -> desks.Wish:
        body = _body(values, without=("url", "webHookType", "shopId"))
        given = views.read(serializers.PartnerWebHookAdd, body, [])
        shop = given.get("shopId", "")
        return desks.Wish(
            place=views.place(partner, now),
            fields={"shop_id": shop, **views.row(given)},
        )

    def changes(
        self, subscription: Subscription, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        # A full replacement: what is not given is said again.
        values = {**subscription.extras, **self.stored(subscription), **given}
        # An absent shop keeps the stored one, so that one cannot be taken away so.
        unset = ("url", "webHookType", *(() if subscription.shop_id else ("shopId",)))
        body = _body(values, without=unset)
        read = views.read(serializers.PartnerWebHookReplacement, body, [])
        return views.replacement(subscription, read)

    def answer(self, subscription: Subscription, now: datetime) -> Any:
        return serializers.PartnerWebHook(subscription).data

    def message(self, path: str, text: str) -> str:
        return f"{path} {text}"


def _body(values: Mapping[str, Any], without: Sequence[str]) -> dict[str, Any]:
    """The values as a body, those of `without` only where they are not empty."""
    return {
        name: value for name, value in values.items() if value or name not in without
    }
