"""Partners: the field that finds one, the filters of their list, the form of one."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from webhooks.console.filters import Filters
from webhooks.models import Partner, ids

from . import overview

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
        """An id in the address is shown as the name of its partner."""
        return self.found.name if self.found else super().bound_data(data, initial)

    def _partner(self, text: str) -> Partner:
        rows = Partner.objects.order_by("name")
        if id := ids.parse(text):
            found = list(rows.filter(id=id))
        else:
            found = list(rows.filter(name__iexact=text)[: _MOST_NAMED + 1]) or list(
                rows.filter(name__icontains=text)[: _MOST_NAMED + 1]
            )
        if not found:
            raise ValidationError("There is no such partner.")
        if len(found) > 1:
            names = ", ".join(p.name for p in found[:_MOST_NAMED])
            more = " and more" if len(found) > _MOST_NAMED else ""
            raise ValidationError(f"Several partners fit: {names}{more}.")
        return found[0]


class PartnerForm(forms.Form):
    """The partner: the first step of a form that is about one."""

    partner = PartnerField(help_text="Its name, enough of the name, or its id.")


class PartnerFilters(Filters):
    NEWEST = "newest"
    is_in_id = False

    name = forms.CharField(label="Name or email contains", max_length=200)
    state = forms.ChoiceField(
        label="Status",
        choices={"": "any", **dict(Partner.State.choices)},
    )
    health = forms.ChoiceField(
        label="Endpoints",
        choices={
            "": "any",
            overview.FAILING: "Some are failing",
            overview.DISABLED: "Some are disabled",
            overview.NONE: "All are healthy",
        },
    )
    order = forms.ChoiceField(choices={"": "by name", NEWEST: "newest first"})

    def by_index(self, rows: Any) -> Any:
        rows = super().by_index(rows)
        given = self.cleaned_data
        if text := given["name"]:
            rows = rows.filter(
                Q(name__icontains=text) | Q(contact_email__icontains=text)
            )
        if given["state"]:
            rows = rows.in_state(given["state"])
        if given["health"]:
            rows = rows.filter(overview.with_endpoints(given["health"]))
        return rows


class DetailsForm(forms.Form):
    """The fields of a partner that staff enter."""

    name = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    contact_email = forms.EmailField(
        required=False,
        max_length=254,
        help_text="Gets a mail when an endpoint is disabled. May be empty.",
    )

    def refuse_name(self) -> None:
        self.add_error("name", "Another partner has this name.")


class EditForm(DetailsForm):
    """Also has the values when the form was opened, so that a change in between is noticed."""

    seen_name = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)
    seen_contact_email = forms.CharField(
        required=False, strip=False, widget=forms.HiddenInput
    )

    @staticmethod
    def initial_of(partner: Partner) -> dict[str, Any]:
        fields = {name: getattr(partner, name) for name in DetailsForm.base_fields}
        return fields | {f"seen_{name}": value for name, value in fields.items()}

    @property
    def seen(self) -> dict[str, Any]:
        return {name: self.cleaned_data[f"seen_{name}"] for name in self.changes}

    @property
    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in DetailsForm.base_fields}

    def overtaken(self, present: Partner) -> "EditForm":
        """The same input for the partner as it is now; names what somebody else changed."""
        again = EditForm(self.initial_of(present) | self.changes)
        for name, value in self.seen.items():
            now = getattr(present, name)
            if now != value:
                again.add_error(
                    name,
                    f"Somebody else has changed this meanwhile, to “{now}”. Nothing was "
                    "saved; save again to put yours in its place.",
                )
        return again
