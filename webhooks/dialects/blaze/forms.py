"""The settings of a BLAZE registration: URLs, and one type of event."""

from collections.abc import Mapping
from typing import Any

from webhooks.models import Subscription
from webhooks.operations.endpoints import MAX_ENDPOINTS
from webhooks.rest import form_fields, forms

from . import serializers, views, wire


class Form(forms.SubscriptionForm):
    view = views.View
    request = "GET /api/v1/partner/webHooks/{row.public_id}"

    webHookUrls = form_fields.Urls(  # noqa: N815 - the vendor's names
        label="URLs",
        initial=[],
        help_text=f"One a line, at most {MAX_ENDPOINTS}. Every event goes to each of them.",
    )
    url = form_fields.Url(
        label="Single URL",
        required=False,
        initial="",
        help_text="From before there was a list; it is called beside the list. May be "
        "empty.",
    )
    webHookType = form_fields.OneEvent(  # noqa: N815
        wire.PROFILE,
        label="Event",
        required=False,
        initial="",
        every_label="Every type of event",
        help_text="BLAZE has one event per registration: another event needs another "
        "registration.",
    )
    shopId = form_fields.Line(  # noqa: N815
        label="Shop id",
        required=False,
        initial="",
        help_text="Only events of this shop are sent; empty for every shop. Once given "
        "it can be changed and not taken away.",
    )

    @classmethod
    def stored(cls, subscription: Subscription) -> dict[str, Any]:
        url, web_hook_urls = serializers.as_given(subscription)
        return {
            "webHookUrls": web_hook_urls,
            "url": url or "",
            "webHookType": next(iter(subscription.events or ()), ""),
            "shopId": subscription.shop_id,
        }

    def read(self, values: Mapping[str, Any]) -> dict[str, Any]:
        accepted: type[serializers.PartnerWebHookAdd] = serializers.PartnerWebHookAdd
        unset = ["url", "webHookType", "shopId"]
        if self.subscription is not None:
            accepted = serializers.PartnerWebHookReplacement
            # A full replacement: what is not given is said again.
            stored = self.stored(self.subscription)
            values = {**self.subscription.extras, **stored, **values}
            if stored["shopId"]:
                # An absent shop keeps the stored one, so that one cannot be taken away so.
                unset.remove("shopId")
        body = {n: value for n, value in values.items() if value or n not in unset}
        return views.read(accepted, body, shops=[])

    @classmethod
    def sample_change(cls, subscription: Subscription, url: str) -> tuple[str, Any]:
        path = f"/api/v1/partner/webHooks/{subscription.public_id}"
        body = {"webHookType": "NEW_CONSUMER_SIGNUP", "webHookUrls": [url]}
        return f"PUT {path}", body

    @classmethod
    def answer(cls, subscription: Subscription) -> Any:
        return serializers.PartnerWebHook.of(subscription)

    def message(self, path: str, text: str) -> str:
        return f"{path} {text}"
