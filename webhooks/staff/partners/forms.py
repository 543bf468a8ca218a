"""Partners: one as somebody types it, the filters of their list, what a partner is."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from webhooks.console.filters import Filters
from webhooks.models import Partner

from . import ailing

_MOST_NAMED = 5


class PartnerField(forms.CharField):
    """Takes an id, a name, or so much of a name that it fits one partner only."""

    found: Partner | None = None

    def __init__(self, **kwargs: Any) -> None:
        # As long as a name. SQLite looks for no pattern of 50,000 bytes.
        super().__init__(**{"max_length": 200, **kwargs})

    def clean(self, value: Any) -> Partner | None:
        text = super().clean(value)
        self.found = self._partner(text) if text else None
        return self.found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """An id in the address is shown as the name it stands for."""
        return self.found.name if self.found else super().bound_data(data, initial)

    def _partner(self, text: str) -> Partner:
        try:
            found = list(Partner.objects.filter(id=UUID(text)))
        except ValueError:
            found = _named(text)
        if not found:
            raise ValidationError("There is no such partner.")
        if len(found) > 1:
            names = ", ".join(p.name for p in found[:_MOST_NAMED])
            more = " and more" if len(found) > _MOST_NAMED else ""
            raise ValidationError(f"Several partners fit: {names}{more}.")
        return found[0]


def _named(text: str) -> list[Partner]:
    rows = Partner.objects.order_by("name")
    return list(rows.filter(name__iexact=text)[: _MOST_NAMED + 1]) or list(
        rows.filter(name__icontains=text)[: _MOST_NAMED + 1]
    )


class PartnerFilters(Filters):
    NEWEST = "newest"
    is_in_id = False

    name = forms.CharField(
        required=False, label="Name or email contains", max_length=200
    )
    state = forms.ChoiceField(
        required=False,
        choices=[("", "any"), ("active", "Active"), ("inactive", "Inactive")],
    )
    health = forms.ChoiceField(
        required=False,
        label="Endpoints",
        choices=[
            ("", "any"),
            (ailing.FAILING, "Some are failing"),
            (ailing.DISABLED, "Some are disabled"),
            (ailing.NONE, "All are well"),
        ],
    )
    order = forms.ChoiceField(
        required=False, choices=[("", "by name"), (NEWEST, "newest first")]
    )

    def narrow(self, rows: Any) -> Any:
        rows = super().narrow(rows)
        given = self.cleaned_data
        if text := given["name"]:
            rows = rows.filter(
                Q(name__icontains=text) | Q(contact_email__icontains=text)
            )
        if given["state"]:
            rows = rows.filter(is_active=given["state"] == "active")
        if given["health"]:
            rows = rows.filter(ailing.partners(given["health"]))
        return rows


class Details(forms.Form):
    """What staff say of a partner."""

    name = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    contact_email = forms.EmailField(
        required=False,
        max_length=254,
        help_text="Told when one of its endpoints is switched off. May be empty.",
    )

    TAKEN = "Another partner has this name."


class Changes(Details):
    """The same of a partner that exists, with what it was when the form was asked for."""

    seen_name = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)
    seen_contact_email = forms.CharField(
        required=False, strip=False, widget=forms.HiddenInput
    )

    @classmethod
    def of(cls, partner: Partner, typed: Mapping[str, Any] | None = None) -> "Changes":
        """Of how the partner stands now, with what was typed in place of it."""
        stands = {field: getattr(partner, field) for field in Details.base_fields}
        seen = {f"seen_{field}": value for field, value in stands.items()}
        if typed is None:
            return cls(initial=stands | seen)
        return cls({field: typed.get(field, "") for field in stands} | seen)

    @property
    def seen(self) -> dict[str, Any]:
        return {field: self.cleaned_data[f"seen_{field}"] for field in self.wanted}

    @property
    def wanted(self) -> dict[str, Any]:
        return {field: self.cleaned_data[field] for field in Details.base_fields}
