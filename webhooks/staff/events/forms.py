"""What events are filtered by, and how one is published by hand."""

from typing import Any
from uuid import UUID, uuid4, uuid5

import orjson
from django import forms
from django.core.exceptions import ValidationError

from webhooks.console.filters import Filters
from webhooks.staff.partners.forms import PartnerField


class EventFilters(Filters):
    MATCHED, UNMATCHED = "yes", "no"

    matched = forms.ChoiceField(
        required=False,
        label="Matched",
        choices={"": "any", MATCHED: "Matched", UNMATCHED: "Unmatched"},
    )
    partner = PartnerField(required=False)
    type = forms.CharField(required=False, label="Event type", max_length=128)
    idempotency_key = forms.CharField(required=False, max_length=255)

    indexed = {"partner": "partner"}
    scanned = {"type": "type", "idempotency_key": "idempotency_key"}

    def by_index(self, rows: Any) -> Any:
        rows = super().by_index(rows)
        is_unmatched = self.cleaned_data["matched"] == self.UNMATCHED
        return rows.filter(matched=0) if is_unmatched else rows

    def by_scan(self, rows: Any) -> Any:
        if self.cleaned_data["matched"] == self.MATCHED:
            rows = rows.filter(matched__gt=0)
        return super().by_scan(rows)


class EventTypeFilters(Filters):
    # A type has no time.
    within = since = until = None  # type: ignore[assignment]

    name = forms.CharField(required=False, label="Name contains", max_length=128)
    description = forms.CharField(
        required=False, label="Description contains", max_length=200
    )

    indexed = {"name": "name__icontains", "description": "description__icontains"}


class JsonField(forms.CharField):
    """An object, read as strictly as the API reads it."""

    widget = forms.Textarea(attrs={"rows": 14, "spellcheck": "false"})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ValidationError(f"This is no JSON: {error}.") from None


class PublishForm(forms.Form):
    """An event of the type in the address."""

    partner = PartnerField()
    payload = JsonField(label="Data")
    shop_id = forms.CharField(
        required=False,
        label="Shop id",
        max_length=255,
        help_text="Subscriptions of another shop do not match. May be empty.",
    )
    once = forms.UUIDField(required=False, initial=uuid4, widget=forms.HiddenInput)

    def idempotency_key(self, type: str) -> str | None:
        """The same when one form is sent twice, another when it was edited."""
        once: UUID | None = self.cleaned_data["once"]
        sent = (self.data.get(name, "") for name in ("partner", "payload", "shop_id"))
        return str(uuid5(once, "\n".join([type, *sent]))) if once else None
