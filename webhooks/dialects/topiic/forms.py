"""The webhook settings of one API key of a Topiic merchant."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet
from django.forms import BooleanField, ModelChoiceField
from django.utils import timezone

from webhooks.models import ApiKey, Partner, Subscription
from webhooks.rest import form_fields, forms

from . import serializers, views, wire

NO_KEY = "Choose one of the partner's keys that has no settings yet."


class Key(ModelChoiceField):  # type: ignore[type-arg]
    def __init__(self) -> None:
        super().__init__(
            ApiKey.objects.none(),
            label="API key",
            empty_label="Choose a key",
            error_messages={"invalid_choice": NO_KEY},
            help_text="Topiic binds settings to a key. Offered are the partner's usable "
            "keys that have none yet.",
        )

    def label_from_instance(self, key: ApiKey) -> str:
        return f"{key} (whk_{key.prefix})"


class Form(forms.SubscriptionForm):
    view = views.View
    request = "PUT /api/ApiKeys/{row.public_id}/webhook"
    remark = (
        "Topiic documents no way to read the settings: this is the answer to a change."
    )
    given_once = ("key",)
    taken = ("key", NO_KEY)

    is_active = None  # type: ignore[assignment] # webhookEnabled says it
    key = Key()
    webhookUrl = form_fields.Url(  # noqa: N815 - the vendor's names
        label="URL",
        required=False,
        initial="",
        help_text="Topiic keeps one URL per key. Without one nothing is sent.",
    )
    webhookEvents = form_fields.Events(  # noqa: N815
        wire.PROFILE,
        label="Events",
        required=False,
        initial=[],
        help_text="Topiic's own list is not complete: any other name is kept, and an "
        "event type of that name is sent under it. With none, nothing is sent.",
    )
    webhookEnabled = BooleanField(  # noqa: N815
        label="Enabled", required=False, initial=True
    )

    def __init__(self, partner: Partner, *args: Any, **options: Any) -> None:
        super().__init__(partner, *args, **options)
        if isinstance(key := self.fields.get("key"), Key):
            key.queryset = _free(partner, timezone.now())

    @classmethod
    def stored(cls, subscription: Subscription) -> dict[str, Any]:
        return {
            "webhookUrl": subscription.url or "",
            "webhookEvents": subscription.events,
            "webhookEnabled": subscription.is_active,
        }

    def read(self, values: Mapping[str, Any]) -> dict[str, Any]:
        extras: Mapping[str, Any] = {}
        key: ApiKey | None = values.get("key")
        if self.subscription is None:
            if key is None and "key" not in self.errors:
                self.add_error("key", NO_KEY)
            id = str(key.id if key else UUID(int=0))
        else:
            # A full replacement: what is not given is said again.
            values = {**self.stored(self.subscription), **values}
            id, extras = self.subscription.public_id, self.subscription.extras
        body = {
            **extras,
            "id": id,
            "merchantId": str(self.partner.id),
            "webhookUrl": values["webhookUrl"] or None,
            "webhookEvents": values["webhookEvents"],
            "webhookEnabled": values["webhookEnabled"],
        }
        command = views.read(body, text=orjson.dumps(body), id=id)
        return {**command, "api_key": key}

    @classmethod
    def sample_change(cls, subscription: Subscription, url: str) -> tuple[str, Any]:
        body = {
            "id": subscription.public_id,
            "merchantId": str(subscription.partner_id),
            "webhookUrl": url,
            "webhookEvents": subscription.events,
            "webhookEnabled": True,
        }
        return cls.request.format(row=subscription), body

    @classmethod
    def answer(cls, subscription: Subscription) -> Any:
        return serializers.ApiKeySettings.of(subscription)


def _free(partner: Partner, now: datetime) -> QuerySet[ApiKey]:
    """The partner's usable keys without settings."""
    bound = Subscription.objects.of(partner, views.View.slug).values("api_key")
    keys = ApiKey.objects.of(partner).usable_at(now).exclude(id__in=bound)
    return keys.order_by("name", "created_at")
