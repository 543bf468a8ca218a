"""The filters of the list of subscriptions, and the forms of a new one and of a test."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef
from django.utils.text import Truncator

from webhooks.console.filters import Filters
from webhooks.models import Endpoint, Subscription
from webhooks.rest import interfaces
from webhooks.rest.interfaces import Interface
from webhooks.staff.partners.forms import PartnerField

from .overview import Name

_LONGEST = 70


def _dialects() -> list[tuple[str, str]]:
    return [(each.slug, each.title) for each in interfaces.all()]


class SubscriptionFilters(Filters):
    moment = "updated_at"
    is_in_id = False

    state = forms.ChoiceField(
        label="Status",
        choices=[("", "any but deleted"), *Subscription.State.choices],
    )
    partner = PartnerField()
    dialect = forms.ChoiceField(choices=lambda: [("", "any"), *_dialects()])
    url = forms.CharField(label="URL contains", max_length=200)
    key = forms.UUIDField(label="Uses the key", widget=forms.HiddenInput)

    indexed = {"partner": "partner", "key": "api_key_id"}
    scanned = {"dialect": "dialect"}

    def by_index(self, rows: Any) -> Any:
        rows = super().by_index(rows)
        is_deleted = self.cleaned_data["state"] == Subscription.State.DELETED
        return rows if is_deleted else rows.live()

    def by_scan(self, rows: Any) -> Any:
        given = self.cleaned_data
        if given["state"]:
            rows = rows.in_state(given["state"])
        if given["url"]:
            called = Endpoint.objects.live().filter(
                subscription=OuterRef("id"), url__icontains=given["url"]
            )
            rows = rows.filter(Exists(called))
        return super().by_scan(rows)


class TargetForm(forms.Form):
    """Whose subscription it will be, and in which dialect."""

    partner = PartnerField(help_text="Its name, enough of the name, or its id.")
    dialect = forms.ChoiceField(
        choices=_dialects, help_text="The API in which the partner will see it."
    )

    @property
    def chosen(self) -> Interface:
        """The dialect of a valid form."""
        found = interfaces.get(self.cleaned_data["dialect"])
        assert found is not None  # noqa: S101 - one of the choices
        return found


class SendTestForm(forms.Form):
    type = forms.ChoiceField(label="Event")

    def __init__(self, *args: Any, names: Sequence[Name], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["type"].choices = [  # type: ignore[attr-defined]
            (name.type, _label(name)) for name in names
        ]


def _label(name: Name) -> str:
    label = f"{name.text}: {name.description}" if name.description else name.text
    return Truncator(label).chars(_LONGEST)
