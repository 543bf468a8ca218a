"""The settings of a webhook of Partnero's."""

from collections.abc import Mapping
from typing import Any

from django.forms import BooleanField
from django.utils import timezone

from webhooks.models import Subscription
from webhooks.rest import form_fields, forms
from webhooks.rest.answers import Shown

from . import serializers, views, wire


class Form(forms.SubscriptionForm):
    view = views.View
    request = "GET /v1/webhooks/{row.public_id}"
    given_once = ("key",)
    taken = ("key", serializers.KEY_TAKEN)
    field_order = ("name", "url", "events", "is_active", "key")

    name = form_fields.Line(initial="")
    url = form_fields.Url(
        label="URL", initial="", help_text="Partnero keeps one URL per webhook."
    )
    events = form_fields.Events(wire.PROFILE, initial=[], help_text="At least one.")
    is_active = BooleanField(label="Active", required=False, initial=True)
    key = form_fields.Line(
        label="Key of the webhook",
        required=False,
        initial="",
        help_text="Its id in Partnero's API, for good: letters, digits, - and _. Empty: "
        "one is made.",
    )

    @classmethod
    def stored(cls, subscription: Subscription) -> dict[str, Any]:
        return {
            "name": subscription.name,
            "url": subscription.url or "",
            "events": subscription.events or [],
            "is_active": subscription.is_active,
        }

    def read(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if self.subscription is None:
            return views.read(serializers.PartneroWebhookCreate, values)
        return views.read(serializers.PartneroWebhookUpdate, values)

    @classmethod
    def sample_change(cls, subscription: Subscription, url: str) -> tuple[str, Any]:
        body = {"name": "Renamed with curl", "url": url}
        return f"PUT /v1/webhooks/{subscription.public_id}", body

    @classmethod
    def answer(cls, subscription: Subscription) -> Any:
        secrets = subscription.live_secrets(timezone.now())
        return views.enveloped(Shown(subscription, secrets))
