"""What events are filtered by, and how one is published by hand."""

from typing import Any
from uuid import UUID, uuid4, uuid5

import orjson
from django import forms
from django.core.exceptions import ValidationError

from webhooks.console.filters import Filters
from webhooks.staff.partners.forms import PartnerField


class EventFilters(Filters):
    told = forms.ChoiceField(
        required=False,
        label="Told",
        choices=[("", "any"), ("somebody", "Somebody"), ("nobody", "Nobody")],
    )
    partner = PartnerField(required=False)
    type = forms.CharField(required=False, label="Event type", max_length=128)
    idempotency_key = forms.CharField(required=False, max_length=255)

    def narrow(self, rows: Any) -> Any:
        rows = super().narrow(rows)
        given = self.cleaned_data
        if given["partner"]:
            rows = rows.filter(partner=given["partner"])
        if given["told"] == "nobody":
            rows = rows.filter(matched=0)
        return rows

    def sift(self, rows: Any) -> Any:
        given = self.cleaned_data
        sieve = {
            name: given[name] for name in ("type", "idempotency_key") if given[name]
        }
        if given["told"] == "somebody":
            sieve["matched__gt"] = 0
        return rows.filter(**sieve) if sieve else rows


class Json(forms.CharField):
    """An object, read as strictly as the API reads it."""

    widget = forms.Textarea(attrs={"rows": 14, "spellcheck": "false"})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ValidationError(f"This is no JSON: {error}.") from None


class Publication(forms.Form):
    """An event of a type that is chosen before."""

    partner = PartnerField()
    payload = Json(label="Data")
    shop_id = forms.CharField(
        required=False,
        label="Shop id",
        max_length=255,
        help_text="Subscriptions that are bound to another shop are not told. May be empty.",
    )
    once = forms.UUIDField(required=False, initial=uuid4, widget=forms.HiddenInput)

    def idempotency_key(self, type: str) -> str | None:
        """The same for what one form is sent with twice, another where it was edited."""
        once: UUID | None = self.cleaned_data["once"]
        sent = (self.data.get(name, "") for name in ("partner", "payload", "shop_id"))
        return str(uuid5(once, "\n".join([type, *sent]))) if once else None
