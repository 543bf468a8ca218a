"""The dashboard: what needs a person now, and how it has been going."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from webhooks.console import charts
from webhooks.delivery import heartbeat
from webhooks.models import ApiKey, EndpointHour, Event, Partner
from webhooks.staff.pages import Page

from . import needs

MOST_PARTNERS = 10

# Where those are led who may not see deliveries: (permission, page)
_OTHER_PAGES = (
    ("view_partner", "partners"),
    ("view_subscription", "subscriptions"),
    ("view_apikey", "keys"),
    ("view_recovery", "recoveries"),
    ("view_event", "events"),
    ("view_eventtype", "event-types"),
    ("view_auditentry", "audit"),
)


@dataclass(frozen=True)
class Busy:
    """A partner, and what was sent to it in a period."""

    id: Any
    name: str
    attempts: int
    failed: int
    # The addresses of the lists.
    deliveries: str
    failures: str


class Needs(Page):
    """What needs a person, by itself: the part that staff_live.js asks for again."""

    permission = "webhooks.view_delivery"
    is_asked_for_by_hand = False
    template = "staff/dashboard/needs.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page("What needs a person", **self.standing(timezone.now()))

    def standing(self, now: datetime) -> dict[str, Any]:
        found = needs.found(may=self.may, now=now)
        return {
            "needs": [need for need in found if not need.is_news],
            "news": [need for need in found if need.is_news],
            "workers": heartbeat.status(),
        }

    def may(self, permission: str) -> bool:
        return self.request.user.has_perm(f"webhooks.{permission}")


class Dashboard(Needs):
    template = "staff/dashboard/dashboard.html"
    is_asked_for_by_hand = True

    def get(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        period = charts.chosen_period(request.GET)
        return self.page(
            "Dashboard",
            **self.standing(now),
            first_steps=_first_steps(),
            chart=charts.of(EndpointHour.objects.all(), period=period, now=now),
            periods=charts.periods(request.GET),
            behind=charts.behind(request.GET),
            busiest=list(_busiest(period, now)),
        )

    def refused(self) -> HttpResponse:
        """Led on to the first page that is open to them, if any is."""
        for permission, page in _OTHER_PAGES:
            if self.may(permission):
                return redirect(f"staff:{page}")
        return super().refused()


def _busiest(period: str, now: datetime) -> Iterator[Busy]:
    hours = EndpointHour.objects.filter(hour__gte=charts.start_of(period, now=now))
    sums: Any = (
        hours.values("partner_id", "partner__name")
        .annotate(attempts=Sum(F("delivered") + F("failed")), all_failed=Sum("failed"))
        .order_by("-attempts", "partner__name")
    )
    for row in sums[:MOST_PARTNERS]:
        id = row["partner_id"]
        yield Busy(
            id=id,
            name=row["partner__name"],
            attempts=row["attempts"],
            failed=row["all_failed"],
            deliveries=_deliveries(partner=id, within=period),
            failures=_deliveries(partner=id, within=period, state="failed"),
        )


def _deliveries(**query: Any) -> str:
    return reverse("staff:deliveries", query=query)


def _first_steps() -> dict[str, bool] | None:
    """Which of them are done; None where there is traffic already."""
    if Event.objects.exists():
        return None
    return {"partner": Partner.objects.exists(), "key": ApiKey.objects.exists()}
