"""What is asked before a key is issued or rotated."""

import uuid
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from webhooks.console.filters import Moment
from webhooks.models import ApiKey
from webhooks.operations import overlaps
from webhooks.staff.partners.forms import PartnerField

from .keys import ACTS

KINDS = {
    ApiKey.Kind.PARTNER: "A partner, to manage its webhooks",
    ApiKey.Kind.PUBLISHER: "One of our own systems, to publish events",
}


class ShownOnce(forms.Form):
    """Ends in a page with a key. One form makes one key, however often it is sent."""

    # The id that the key will have.
    key_id = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput())


class IssueKey(ShownOnce):
    """Whose key, and what it may do. `wanted()` is what `keys.issue` is told."""

    NEVER, ON_DATE = "never", "date"

    kind = forms.ChoiceField(
        label="Who will use it?",
        choices=list(KINDS.items()),
        initial=ApiKey.Kind.PARTNER,
        widget=forms.RadioSelect,
    )
    partner = PartnerField(
        required=False,
        help_text="Its name, or enough of it. Empty for a key of our own systems.",
    )
    name = forms.CharField(
        max_length=200,
        required=False,
        help_text="Where it will be used, such as “billing server”: it is found by this later.",
    )
    scopes = forms.MultipleChoiceField(
        label="What may it do?",
        choices=list(ACTS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing ticked: all of these. A key of our own systems publishes "
        "events and does nothing else, so leave them empty for it.",
    )
    shops = forms.CharField(
        required=False,
        max_length=2000,
        help_text="Ids of shops, separated by commas, if the key is to reach only their "
        "settings. Empty: every shop of the partner.",
    )
    lasts = forms.ChoiceField(
        label="How long is it good?",
        choices=[
            (NEVER, "Until it is revoked"),
            ("30", "30 days"),
            ("90", "90 days"),
            ("365", "One year"),
            (ON_DATE, "Until the time below"),
        ],
        initial=NEVER,
        widget=forms.RadioSelect,
        help_text="Nobody is written to before a key expires; the list of keys shows "
        "which are about to.",
    )
    expires_at = Moment(required=False, label="Until (UTC)")

    def clean_shops(self) -> list[str]:
        shops = [shop.strip() for shop in self.cleaned_data["shops"].split(",")]
        return [f"{ApiKey.SHOP_PREFIX}{shop}" for shop in shops if shop]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("kind") == ApiKey.Kind.PUBLISHER:
            self._leave_empty("partner", "A key of our own systems is of no partner.")
            for field in ("scopes", "shops"):
                self._leave_empty(
                    field, "A key of our own systems publishes events, for all of them."
                )
        elif data.get("partner") is None and "partner" not in self.errors:
            self.add_error("partner", "Choose the partner that will use the key.")
        self._clean_end()
        return data

    def _leave_empty(self, field: str, why: str) -> None:
        if self.cleaned_data.get(field):
            self.add_error(field, why)

    def _clean_end(self) -> None:
        data = self.cleaned_data
        if "expires_at" in self.errors or "lasts" in self.errors:
            return
        lasts, until, now = data["lasts"], data["expires_at"], timezone.now()
        if lasts == self.ON_DATE:
            if until is None:
                self.add_error("expires_at", "Until when is it good?")
            elif until <= now:
                self.add_error("expires_at", "This moment has passed.")
        elif until is not None:
            self.add_error(
                "expires_at",
                "This is used with “Until the time below” only: choose that, or empty this.",
            )
        elif lasts != self.NEVER:
            data["expires_at"] = now + timedelta(days=int(lasts))

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "id": data["key_id"],
            "partner": data["partner"],
            "name": data["name"],
            "scopes": [*data["scopes"], *data["shops"]],
            "expires_at": data["expires_at"],
        }


class RotateKey(ShownOnce):
    """For how long the old key opens beside the new one."""

    overlap = forms.TypedChoiceField(
        label="How long does the old key stay good?",
        coerce=lambda seconds: timedelta(seconds=int(seconds)),
        choices=[
            ("0", "Not at all: it ends with this click. For a key that leaked."),
            ("3600", "1 hour"),
            (str(int(overlaps.DEFAULT.total_seconds())), "24 hours"),
            (str(int(overlaps.MAX.total_seconds())), "7 days"),
        ],
        initial=str(int(overlaps.DEFAULT.total_seconds())),
        widget=forms.RadioSelect,
    )
