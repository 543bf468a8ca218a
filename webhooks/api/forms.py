"""The settings of a subscription of the portal's own API."""

from collections.abc import Mapping
from typing import Any

from django.forms import BooleanField

from webhooks.delivery import standard
from webhooks.models import Subscription
from webhooks.operations.subscriptions import SubscriptionFields
from webhooks.rest import form_fields, forms

from .serializers import subscriptions as serializers
from .views import subscriptions as views


class Form(forms.SubscriptionForm):
    view = views.View
    request = "GET /api/portal/v1/subscriptions/{row.public_id}"
    field_order = ("url", "name", "events", "shop_id", "is_active")

    url = form_fields.Url(
        label="URL", initial="", help_text="A subscription has one URL."
    )
    name = form_fields.Line(required=False, initial="")
    events = form_fields.Events(
        standard.PROFILE,
        required=False,
        initial=None,
        help_text="An event is sent only if its type is chosen.",
    )
    shop_id = form_fields.Line(
        label="Shop id",
        required=False,
        initial="",
        help_text="Only events of this shop are sent; empty for every shop.",
    )
    is_active = BooleanField(label="Active", required=False, initial=True)

    @classmethod
    def stored(cls, subscription: Subscription) -> dict[str, Any]:
        return {
            "url": subscription.url or "",
            "events": subscription.events,
            "name": subscription.name,
            "shop_id": subscription.shop_id,
            "is_active": subscription.is_active,
        }

    def read(self, values: Mapping[str, Any]) -> SubscriptionFields:
        is_new = self.subscription is None
        accepted = (
            serializers.NewSubscription if is_new else serializers.SubscriptionChanges
        )
        return views.read(accepted, values)

    @classmethod
    def sample_change(cls, subscription: Subscription, url: str) -> tuple[str, Any]:
        path = f"/api/portal/v1/subscriptions/{subscription.public_id}"
        return f"PATCH {path}", {"url": url}

    @classmethod
    def answer(cls, subscription: Subscription) -> Any:
        return serializers.portal_subscription(subscription)
