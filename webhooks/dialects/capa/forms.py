"""The settings of a Capa partner: one URL, or none."""

from collections.abc import Mapping
from typing import Any

from webhooks.models import Subscription
from webhooks.rest import form_fields, forms

from . import serializers, views
from .protocol import VERSION_1


class Form(forms.SubscriptionForm):
    view = views.View
    request = "PUT /api/partner/v1/webhook-settings"
    remark = (
        "Capa documents no way to read the settings: this is the answer to a change."
    )
    is_singleton = True

    url = form_fields.Url(
        label="URL",
        required=False,
        initial="",
        help_text="It is sent every Capa event: Capa's settings name none. Without a URL "
        "nothing is sent, and what happens meanwhile is not sent later by itself.",
    )

    @classmethod
    def stored(cls, subscription: Subscription) -> dict[str, Any]:
        return {"url": subscription.url or ""}

    def read(self, values: Mapping[str, Any]) -> dict[str, Any]:
        extras = self.subscription.extras if self.subscription else {}
        return views.read({**extras, "url": values["url"] or None})

    @classmethod
    def sample_change(cls, subscription: Subscription, url: str) -> tuple[str, Any]:
        return cls.request, {"url": url}

    @classmethod
    def answer(cls, subscription: Subscription) -> Any:
        return VERSION_1.success(serializers.WebhookSettings.of(subscription))
