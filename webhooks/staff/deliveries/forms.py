"""The filters of the list of deliveries, and the form that sends one again."""

from typing import Any

from django import forms
from django.db.models import OuterRef, Subquery
from django.utils.http import urlencode

from webhooks.console import labels
from webhooks.console.filters import Filters
from webhooks.delivery import wire
from webhooks.models import Delivery, Event
from webhooks.staff.partners.forms import PartnerField

Status = Delivery.Status

FAILED = (Status.EXHAUSTED, Status.CANCELLED, Status.NOT_SENT)
"""Every status of what ended without arriving; an index is of these."""

WAITING = "waiting"
"""Pending, or retrying."""

_ANY_FAILED = "failed"
_UNRECOVERED = "unrecovered"

_STATES = {
    "": "any",
    WAITING: "Waiting",
    _ANY_FAILED: "Not delivered",
    **dict(Status.choices),
    Status.EXHAUSTED: "Failed permanently (exhausted)",
    _UNRECOVERED: "Failed, not yet recovered",
}

# A subquery for each row that is looked at. A join made PostgreSQL begin with all events.
_TYPE = Subquery(Event.objects.filter(id=OuterRef("event_id")).values("type")[:1])


def _profiles() -> list[tuple[str, str]]:
    named = [(name, labels.dialect(name)) for name in sorted(wire.profiles())]
    return [("", "any"), *named]


class DeliveryFilters(Filters):
    state = forms.ChoiceField(label="Status", choices=_STATES)
    partner = PartnerField()
    url = forms.CharField(label="URL contains", max_length=200)
    event_type = forms.CharField(max_length=128)
    profile = forms.ChoiceField(label="Dialect", choices=_profiles)
    status = forms.IntegerField(label="Status code", min_value=100, max_value=599)
    outcome = forms.ChoiceField(
        label="Last outcome",
        choices={"": "any", **labels.OUTCOMES},
    )
    subscription = forms.UUIDField(widget=forms.HiddenInput)
    endpoint = forms.UUIDField(widget=forms.HiddenInput)
    event = forms.UUIDField(widget=forms.HiddenInput)
    recovery = forms.UUIDField(widget=forms.HiddenInput)

    indexed = {name: name for name in ("partner", "subscription", "event", "recovery")}
    scanned = {
        "endpoint": "endpoint",
        "url": "url__icontains",
        "event_type": "published_as",
        "profile": "profile",
        "status": "last_status",
        "outcome": "last_outcome",
    }

    def by_index(self, rows: Any) -> Any:
        rows = super().by_index(rows).alias(published_as=_TYPE)
        match self.cleaned_data["state"]:
            case "waiting" | Status.PENDING | Status.RETRYING:
                return rows.pending()
            case "failed":
                return rows.filter(state__in=FAILED)
            case "unrecovered":
                return rows.filter(state=Status.EXHAUSTED)
            case status if status in FAILED:
                return rows.in_status(status)
        return rows

    def by_scan(self, rows: Any) -> Any:
        match self.cleaned_data["state"]:
            case "unrecovered":
                rows = rows.unrecovered()
            case Status.PENDING | Status.RETRYING | Status.DELIVERED as status:
                rows = rows.in_status(status)
        return super().by_scan(rows)

    @property
    def recovery_query(self) -> str:
        """The query of the page that recovers what the list shows; empty unless it shows
        the failures of one partner."""
        given = self.cleaned_data
        if not given.get("partner") or given.get("state") not in {
            _ANY_FAILED,
            _UNRECOVERED,
            *FAILED,
        }:
            return ""
        kept = ("subscription", "since", "until")
        query = {"partner": given["partner"].id}
        return urlencode(query | {name: given[name] for name in kept if given[name]})


class RedeliveryForm(forms.Form):
    """Sends a delivery again. One that is pending is only sent sooner."""

    SAME = "same"
    ANEW = "anew"

    bytes = forms.ChoiceField(
        label="What is sent",
        initial=SAME,
        widget=forms.RadioSelect,
        choices=[
            (SAME, "The same bytes as the first time, with a new signature"),
            (ANEW, "The event, rendered as the subscription's dialect does it today"),
        ],
    )
    # What the page said; one that has ended meanwhile is not sent again.
    is_pending = forms.BooleanField(required=False, widget=forms.HiddenInput)
