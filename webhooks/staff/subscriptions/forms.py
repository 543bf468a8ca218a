"""What subscriptions are filtered by, and whose a new one is."""

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef

from webhooks.console.filters import Filters
from webhooks.models import Endpoint
from webhooks.rest import interfaces
from webhooks.rest.interfaces import Interface
from webhooks.staff.partners.forms import PartnerField

from . import standing


def _dialects() -> list[tuple[str, str]]:
    return [(each.slug, each.title) for each in interfaces.all()]


class SubscriptionFilters(Filters):
    moment = "updated_at"
    is_in_id = False

    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", "any but deleted"),
            *((state, says) for state, (says, _) in standing.STATES.items()),
        ],
    )
    partner = PartnerField(required=False)
    dialect = forms.ChoiceField(
        required=False, choices=lambda: [("", "any"), *_dialects()]
    )
    url = forms.CharField(required=False, label="URL contains", max_length=200)
    key = forms.UUIDField(
        required=False, label="Hangs on the key", widget=forms.HiddenInput
    )

    def narrow(self, rows: Any) -> Any:
        rows = super().narrow(rows)
        given = self.cleaned_data
        if given["state"] != standing.DELETED:
            rows = rows.live()
        if given["partner"]:
            rows = rows.filter(partner=given["partner"])
        if given["key"]:
            rows = rows.filter(api_key_id=given["key"])
        return rows

    def sift(self, rows: Any) -> Any:
        given = self.cleaned_data
        sifted = rows
        if given["state"]:
            sifted = sifted.filter(standing.in_state(given["state"]))
        if given["dialect"]:
            sifted = sifted.filter(dialect=given["dialect"])
        if given["url"]:
            called = Endpoint.objects.live().filter(
                subscription=OuterRef("id"), url__icontains=given["url"]
            )
            sifted = sifted.filter(Exists(called))
        return sifted


class TargetForm(forms.Form):
    """Whose subscription it will be, and in which dialect."""

    partner = PartnerField(
        help_text="Its name, so much of it that one fits, or its id."
    )
    dialect = forms.ChoiceField(
        choices=_dialects, help_text="The API in which the partner will see it."
    )

    @property
    def chosen(self) -> Interface:
        """The dialect of a valid form."""
        found = interfaces.get(self.cleaned_data["dialect"])
        assert found is not None  # noqa: S101 - one of the choices
        return found
