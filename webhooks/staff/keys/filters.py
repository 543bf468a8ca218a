"""What keys are filtered by. An address is kept in many places, so no whole key may stay in one."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from webhooks.console import labels
from webhooks.console.addresses import with_changes
from webhooks.console.filters import Filters
from webhooks.models import ApiKey, keyformat
from webhooks.staff.partners.forms import PartnerField

_MARK = "whk_"
_PREFIX = rf"(?:{_MARK})?[0-9A-Za-z]{{0,{keyformat.LOOKUP_LENGTH}}}"
_LONGEST = len(_MARK) + keyformat.LOOKUP_LENGTH


class KeyFilters(Filters):
    is_in_id = False

    prefix = forms.CharField(  # type: ignore[assignment] # a form's own is None
        required=False,
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
        required=False,
        label="Name contains",
        max_length=200,
        widget=forms.TextInput(
            attrs={
                "pattern": rf"(?!.*{_MARK}[0-9A-Za-z]{{{keyformat.LOOKUP_LENGTH}}}_).*",
                "title": "A part of the key's name, and never a key itself",
            }
        ),
    )
    partner = PartnerField(required=False)
    kind = forms.ChoiceField(
        required=False,
        label="Used by",
        choices=[
            ("", "anybody"),
            (ApiKey.Kind.PARTNER, "Partners"),
            (ApiKey.Kind.PUBLISHER, "Publishers"),
        ],
    )
    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", "any"),
            *((name, says) for name, (says, _) in labels.KEY_STATES.items()),
        ],
    )

    def narrow(self, rows: Any) -> Any:
        rows = super().narrow(rows)
        given = self.cleaned_data
        if prefix := given["prefix"].removeprefix(_MARK):
            rows = rows.filter(prefix__startswith=prefix)
        if given["name"]:
            rows = rows.filter(name__icontains=given["name"])
        for field in ("partner", "kind"):
            if given[field]:
                rows = rows.filter(**{field: given[field]})
        return _in_state(rows, given["state"], at=timezone.now())


def _in_state(rows: Any, state: str, *, at: datetime) -> Any:
    is_open = Q(partner=None) | Q(partner__is_active=True)
    match state:
        case "usable":
            return rows.usable_at(at).filter(is_open)
        case "expiring":
            return rows.expiring_at(at).filter(is_open)
        case "off":
            return rows.usable_at(at).exclude(is_open)
        case "expired":
            return rows.filter(expires_at__lte=at, revoked_at=None)
        case "revoked":
            return rows.exclude(revoked_at=None)
        case _:
            return rows


def without_keys(query: QueryDict) -> str | None:
    """The query string with only the beginning of each key; None where no key is in it."""
    found = {name: _beginning(name, str(query[name])) for name in query}
    prefix = next(filter(None, found.values()), None)
    if prefix is None:
        return None
    rest = {name: query[name] for name in query if found[name] is None}
    return with_changes(rest, prefix=prefix)


def _beginning(field: str, value: str) -> str | None:
    """Of a value that holds a key, or more of one than everybody may see."""
    if lookup := keyformat.lookup_within(value):
        return f"{_MARK}{lookup}"
    if field == "prefix" and len(value) > _LONGEST:
        start = re.match(_PREFIX, value, re.ASCII)
        return start and start[0]
    return None
