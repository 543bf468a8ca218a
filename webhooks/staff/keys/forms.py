"""The filters of the list of keys, and the forms that issue and rotate one.

Addresses are kept in many places, so none may hold a whole key.
"""

import re
from datetime import timedelta
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils import timezone

from webhooks.console import labels
from webhooks.console.filters import Filters, Moment
from webhooks.console.paging import with_changes
from webhooks.models import ApiKey, keyformat
from webhooks.operations import keys, limits, rotation
from webhooks.staff.partners.forms import PartnerField

_MARK = "whk_"
_PREFIX = rf"(?:{_MARK})?[0-9A-Za-z]{{0,{keyformat.LOOKUP_LENGTH}}}"
_LONGEST = len(_MARK) + keyformat.LOOKUP_LENGTH


class KeyFilters(Filters):
    is_in_id = False

    prefix = forms.CharField(  # type: ignore[assignment] # a form's own is None
        label="Begins with",
        max_length=_LONGEST,
        validators=[RegexValidator(rf"^{_PREFIX}\Z", "No key begins like this.")],
        widget=forms.TextInput(
            attrs={
                "pattern": _PREFIX,
                "placeholder": f"{_MARK}…",
                "title": f"The first {_LONGEST} characters of a key, or fewer",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
    )
    name = forms.CharField(
        label="Name contains",
        max_length=200,
        widget=forms.TextInput(
            attrs={
                "pattern": rf"(?!.*{_MARK}[0-9A-Za-z]{{{keyformat.LOOKUP_LENGTH}}}_).*",
                "title": "A part of the key's name, and never a key itself",
            }
        ),
    )
    partner = PartnerField()
    kind = forms.ChoiceField(
        label="Used by",
        choices={
            "": "anybody",
            ApiKey.Kind.PARTNER: "Partners",
            ApiKey.Kind.PUBLISHER: "Publishers",
        },
    )
    state = forms.ChoiceField(
        label="Status",
        choices={
            "": "any",
            **dict(ApiKey.State.choices),
            ApiKey.State.USABLE: "Usable, also for a short time",
        },
    )

    pepper = forms.IntegerField(
        min_value=0,
        max_value=32767,
        widget=forms.NumberInput(
            attrs={
                "title": "The number of the pepper (KEY_PEPPERS) that it was made with"
            }
        ),
    )

    indexed = {
        "prefix": "prefix__startswith",
        "name": "name__icontains",
        "partner": "partner",
        "kind": "kind",
        "pepper": "pepper",
    }

    def clean_prefix(self) -> str:
        prefix: str = self.cleaned_data["prefix"]
        return prefix.removeprefix(_MARK)

    def by_index(self, rows: Any) -> Any:
        rows = super().by_index(rows)
        states, state = ApiKey.State, self.cleaned_data["state"]
        if state == states.USABLE:
            return rows.in_state(states.USABLE) | rows.in_state(states.EXPIRING)
        return rows.in_state(state) if state else rows


def without_keys(query: QueryDict) -> str | None:
    """The query string with only the beginning of each key; None when no key is in it."""
    found = {name: _beginning(name, str(query[name])) for name in query}
    prefix = next(filter(None, found.values()), None)
    if prefix is None:
        return None
    rest = {name: query[name] for name in query if found[name] is None}
    return with_changes(rest, prefix=prefix)


def _beginning(field: str, value: str) -> str | None:
    """The beginning of the key in a value; None where a value reveals no more than that."""
    if lookup := keyformat.lookup_within(value):
        return f"{_MARK}{lookup}"
    if field == "prefix" and len(value) > _LONGEST:
        start = re.match(_PREFIX, value, re.ASCII)
        return start and start[0]
    return None


class IssueForm(forms.Form):
    """Whose key, and what it may do."""

    NEVER, ON_DATE = "never", "date"

    kind = forms.ChoiceField(
        label="Who will use it?",
        choices={
            ApiKey.Kind.PARTNER: "A partner, to manage its webhooks",
            ApiKey.Kind.PUBLISHER: "One of our own systems, to publish events",
        },
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
        choices=list(labels.SCOPES.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing ticked: all of these. A key of our own systems only publishes "
        "events, so leave them empty for it.",
    )
    shops = forms.CharField(
        required=False,
        max_length=limits.SCOPES.most * (limits.SHOP.most + len(", ")),
        help_text="Ids of shops, separated by commas, if the key is to reach only these "
        "shops. Empty: every shop of the partner.",
    )
    lasts = forms.ChoiceField(
        label="How long is it valid?",
        choices={
            NEVER: "Until it is revoked",
            "30": "30 days",
            "90": "90 days",
            "365": "One year",
            ON_DATE: "Until the time below",
        },
        initial=NEVER,
        widget=forms.RadioSelect,
        help_text="Nobody gets a mail before a key expires; the list of keys shows "
        "which expire soon.",
    )
    expires_at = Moment(required=False, label="Until (UTC)")

    def clean_shops(self) -> list[str]:
        shops = [shop.strip() for shop in self.cleaned_data["shops"].split(",")]
        scopes = [f"{ApiKey.SHOP_PREFIX}{shop}" for shop in shops if shop]
        try:
            keys.check_scopes(scopes, for_publisher=False)
        except limits.LimitReached as reached:
            raise forms.ValidationError(str(reached)) from None
        return scopes

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("kind") == ApiKey.Kind.PUBLISHER:
            self._leave_empty("partner", "A key of our own systems has no partner.")
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
                self.add_error("expires_at", "Until when is it valid?")
            elif until <= now:
                self.add_error("expires_at", "This moment has passed.")
        elif until is not None:
            self.add_error(
                "expires_at",
                "This is used with “Until the time below” only: choose that, or empty this.",
            )
        elif lasts != self.NEVER:
            data["expires_at"] = now + timedelta(days=int(lasts))

    def fields_of_key(self) -> dict[str, Any]:
        """The arguments of `keys.issue`."""
        data = self.cleaned_data
        return {
            **{name: data[name] for name in ("partner", "name", "expires_at")},
            "scopes": [*data["scopes"], *data["shops"]],
        }


class RevokeForm(forms.Form):
    # Not ticked, and not there, it takes them: one may be made while the page is open.
    keep_descendants = forms.BooleanField(
        label="Let the keys that were made of it go on working",
        required=False,
        help_text="Only if this key has not leaked: whoever had it may have made them.",
    )


class RotateForm(forms.Form):
    """For how long the old key works beside the new one."""

    overlap = forms.TypedChoiceField(
        label="How long does the old key stay valid?",
        coerce=lambda seconds: timedelta(seconds=int(seconds)),
        choices=[
            ("0", "Not at all: it ends with this click. For a key that leaked."),
            ("3600", "1 hour"),
            (str(int(rotation.DEFAULT_OVERLAP.total_seconds())), "24 hours"),
            (str(int(rotation.MAX_OVERLAP.total_seconds())), "7 days"),
        ],
        initial=str(int(rotation.DEFAULT_OVERLAP.total_seconds())),
        widget=forms.RadioSelect,
    )
