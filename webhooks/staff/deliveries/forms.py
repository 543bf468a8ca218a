"""What deliveries are filtered by, and how one is sent again."""

from typing import Any

from django import forms
from django.db.models import OuterRef, Subquery
from django.utils.http import urlencode

from webhooks.console import labels
from webhooks.console.filters import Filters
from webhooks.delivery import wire
from webhooks.delivery.attempt import ERROR
from webhooks.delivery.result import Outcome
from webhooks.models import Delivery, Event
from webhooks.staff.once import Once
from webhooks.staff.partners.forms import PartnerField

_FAILED = "failed"
"""Beside the stored states: every one in which a delivery ended without arriving."""

UNRECOVERED = "unrecovered"
"""Exhausted, and no repeat has made up for it."""

_MISSED = (_FAILED, UNRECOVERED, *labels.FAILED)


# Asked of each row that is looked at. From a join PostgreSQL began with all the events.
_TYPE = Subquery(Event.objects.filter(id=OuterRef("event_id")).values("type")[:1])


def _profiles() -> list[tuple[str, str]]:
    return [
        ("", "any"),
        *((name, labels.dialect(name)) for name in sorted(wire.profiles())),
    ]


class DeliveryFilters(Filters):
    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", "any"),
            (_FAILED, "Not delivered"),
            *labels.STATES.items(),
            (UNRECOVERED, "Exhausted, not made up for"),
        ],
    )
    partner = PartnerField(required=False)
    url = forms.CharField(required=False, label="URL contains", max_length=200)
    event_type = forms.CharField(required=False, max_length=128)
    profile = forms.ChoiceField(required=False, label="Dialect", choices=_profiles)
    status = forms.IntegerField(
        required=False, label="Status code", min_value=100, max_value=599
    )
    outcome = forms.ChoiceField(
        required=False,
        label="Last outcome",
        choices=[("", "any"), *((o, labels.outcome(o)) for o in [*Outcome, ERROR])],
    )
    subscription = forms.UUIDField(required=False, widget=forms.HiddenInput)
    endpoint = forms.UUIDField(required=False, widget=forms.HiddenInput)
    event = forms.UUIDField(required=False, widget=forms.HiddenInput)
    recovery = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def narrow(self, rows: Any) -> Any:
        rows = super().narrow(rows)
        given = self.cleaned_data
        for field in ("partner", "subscription", "event", "recovery"):
            if given[field]:
                rows = rows.filter(**{field: given[field]})
        match given["state"]:
            case Delivery.State.PENDING:
                rows = rows.pending()
            case state if state in labels.FAILED:
                rows = rows.filter(state=state)
            case "unrecovered":
                rows = rows.filter(state=Delivery.State.EXHAUSTED)
            case "failed":
                rows = rows.filter(state__in=labels.FAILED)
        return rows

    @property
    def to_recover(self) -> str:
        """The query of the page that recovers what a list of a partner's failures shows;
        nothing for another list."""
        given = self.cleaned_data
        if not given.get("partner") or given.get("state") not in _MISSED:
            return ""
        asked = {"partner": given["partner"].id} | {
            name: given[name]
            for name in ("subscription", "since", "until")
            if given[name]
        }
        return urlencode(asked)

    def sift(self, rows: Any) -> Any:
        given = self.cleaned_data
        if given["state"] == UNRECOVERED:
            rows = rows.unrecovered()
        sieve = {
            "state": given["state"] == Delivery.State.DELIVERED and given["state"],
            "endpoint": given["endpoint"],
            "url__icontains": given["url"],
            "published_as": given["event_type"],
            "profile": given["profile"],
            "last_status": given["status"],
            "last_outcome": given["outcome"],
        }
        sieve = {column: value for column, value in sieve.items() if value}
        if not sieve:
            return rows
        return rows.alias(published_as=_TYPE).filter(**sieve)


class Redelivery(Once):
    """Without an id of one that waits, of which nothing but its turn is asked for."""

    SAME = "same"
    ANEW = "anew"

    bytes = forms.ChoiceField(
        label="What is sent",
        initial=SAME,
        widget=forms.RadioSelect,
        choices=[
            (SAME, "The same bytes as the first time, signed anew"),
            (ANEW, "The event, rendered as the subscription's dialect does it today"),
        ],
    )
