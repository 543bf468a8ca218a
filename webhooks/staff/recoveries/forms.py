"""The filters of the list of recoveries, and the form of a new one."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.text import Truncator

from webhooks.console import labels
from webhooks.console.filters import PERIODS, Filters, Moment
from webhooks.models import EventType, Partner, Recovery, Subscription
from webhooks.operations import deliveries, recoveries
from webhooks.operations.recoveries import Filter, InvalidFilter, Outcome
from webhooks.staff.deliveries.forms import RedeliveryForm
from webhooks.staff.partners.forms import PartnerField

from . import status

FAILURE = "failure"
OWN = "own"

_NO_FAILURE = "No delivery of the last 30 days failed without arriving since. Choose another period."
_LABEL = 120


class RecoveryFilters(Filters):
    is_in_id = False  # the list is in the order of `created_at`

    partner = PartnerField()
    state = forms.ChoiceField(
        label="Status", choices=[("", "any"), *Recovery.State.choices]
    )

    indexed = {"partner": "partner", "state": "state"}


class SubscriptionField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, row: Subscription) -> str:
        urls = [endpoint.url for endpoint in row.receivers]  # type: ignore[attr-defined]
        where = " ".join(urls) or "no URL that is called"
        off = "" if row.is_receiving else " (off)"
        label = f"{row}{off} · {labels.dialect(row.dialect)} · {where}"
        return Truncator(label).chars(_LABEL)


def _types() -> list[tuple[str, str]]:
    names = EventType.objects.order_by("name").values_list("name", flat=True)
    return [(name, name) for name in names]


class RecoveryForm(forms.Form):
    """The filter of a new recovery for one partner."""

    subscription = SubscriptionField(
        queryset=Subscription.objects.none(),
        required=False,
        empty_label="All of the partner's",
    )
    outcomes = forms.MultipleChoiceField(
        label="What is sent again",
        widget=forms.CheckboxSelectMultiple,
        choices=[(name, label) for name, (label, _) in status.OUTCOMES.items()],
        initial=[Outcome.EXHAUSTED, Outcome.CANCELLED, Outcome.NOT_SENT],
    )
    period = forms.ChoiceField(
        label="Of events published",
        widget=forms.RadioSelect,
        choices=[
            (FAILURE, "since the first that failed and has not arrived"),
            *((name, f"in {PERIODS[name][0]}") for name in ("1h", "24h", "7d")),
            (OWN, "between two times:"),
        ],
        initial=FAILURE,
    )
    since = Moment(required=False, label="From (UTC)")
    until = Moment(
        required=False, label="Before (UTC)", help_text="Empty: until it is started."
    )
    types = forms.MultipleChoiceField(
        required=False,
        label="Only these event types",
        widget=forms.CheckboxSelectMultiple,
        choices=_types,
    )
    bytes = RedeliveryForm.base_fields["bytes"]

    def __init__(self, *args: Any, partner: Partner, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partner = partner
        rows = Subscription.objects.live().filter(partner=partner)
        field: Any = self.fields["subscription"]
        field.queryset = deliveries.with_receivers(rows).order_by("name", "id")

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not self.errors and (period := given["period"]) != OWN:
            now = timezone.now()
            given["since"], given["until"] = self._since(period, now), now
        if not self.errors and given["since"] is None:
            self.add_error("since", "Enter a time, or choose a period above.")
        return given

    def _since(self, period: str, now: datetime) -> datetime | None:
        if period != FAILURE:
            return now - PERIODS[period][1]
        try:
            since = recoveries.first_failure(
                partner=self.partner, subscription=self.cleaned_data["subscription"]
            )
        except deliveries.NotReceiving as why:
            self.refuse(why)
            return None
        if since is None:
            self.add_error("period", _NO_FAILURE)
        return since

    @property
    def chosen(self) -> Subscription | None:
        """The subscription, whatever is wrong with the rest."""
        if not self.is_bound:
            return None
        found: Subscription | None = self.cleaned_data.get("subscription")
        return found

    def refuse(self, why: InvalidFilter | deliveries.NotReceiving) -> None:
        if isinstance(why, InvalidFilter):
            self.add_error(why.field, why.message)
            return
        chosen = self.chosen
        self.add_error("subscription", f"Nothing can be sent now. {why}")
        # add_error removes the value, but the page links to it.
        self.cleaned_data["subscription"] = chosen

    def filter(self) -> Filter:
        given = self.cleaned_data
        return Filter(
            outcomes=[Outcome(name) for name in given["outcomes"]],
            **{
                name: given[name]
                for name in ("since", "until", "subscription", "types")
            },
        )

    def hidden_inputs(self) -> Iterator[tuple[str, str]]:
        """Names and values that send the same form again."""
        given = self.cleaned_data
        subscription, until = given["subscription"], given["until"]
        yield "partner", str(self.partner.id)
        yield "subscription", str(subscription.id) if subscription else ""
        yield "period", OWN
        yield "since", given["since"].isoformat()
        yield "until", until.isoformat() if until else ""
        yield "bytes", given["bytes"]
        for field in ("outcomes", "types"):
            for value in given[field]:
                yield field, value
