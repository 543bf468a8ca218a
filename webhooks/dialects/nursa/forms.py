"""The settings of a user webhook of Nursa's."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from webhooks.models import ApiKey, Subscription
from webhooks.operations.subscriptions import SubscriptionFields
from webhooks.rest import form_fields, forms

from . import serializers, views, wire


class Form(forms.SubscriptionForm):
    view = views.View
    request = "PATCH /api/v2/public/webhooks/user/{row.id}"
    remark = (
        "Nursa documents no way to read one webhook: this is the answer to a change. "
        "Its clientId is the id of the key that asks; here, of the partner's oldest "
        "usable key."
    )
    given_once = ("secrets",)

    url = form_fields.Url(
        label="URL",
        initial="",
        help_text="Nursa keeps one URL per webhook, and it begins with https://.",
    )
    events = form_fields.Events(
        wire.PROFILE,
        initial=[],
        every_label="Every event (all)",
        help_text="At least one.",
    )
    secrets = form_fields.Lines(
        rows=2,
        required=False,
        initial=[],
        help_text="Of the partner's own making, one a line, at most "
        f"{serializers.MAX_SECRETS}; each signs. Empty: one is made.",
    )

    @classmethod
    def stored(cls, subscription: Subscription) -> dict[str, Any]:
        return {
            "url": subscription.url or "",
            "events": subscription.events or [],
        }

    def read(self, values: Mapping[str, Any]) -> SubscriptionFields:
        if self.subscription is None:
            body = {**values, "secrets": values["secrets"] or None}
            return views.read(serializers.CreateWebhook, body)
        # Of a PATCH that changes anything else the events are required, too.
        body = {"events": self.subscription.events or [], **values}
        return views.read(serializers.UpdateWebhook, body)

    @classmethod
    def sample_change(cls, subscription: Subscription, url: str) -> tuple[str, Any]:
        # Not its URL: this vendor takes https only, which a sample receiver does not speak.
        return cls.request.format(row=subscription), {"events": [wire.ALL]}

    @classmethod
    def answer(cls, subscription: Subscription) -> Any:
        now = timezone.now()
        keys = ApiKey.objects.of(subscription.partner).usable_at(now)
        oldest = keys.order_by("created_at", "id").first()
        client_id = oldest.id if oldest else subscription.partner_id
        secrets = subscription.live_secrets(now)
        shown = serializers.ShownTo(subscription, secrets, client_id)
        return {"data": serializers.Webhook.of(shown)}
