"""The dashboard: alerts, and a chart of the deliveries."""

from typing import Any

from django.db.models import F, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from webhooks.console import charts
from webhooks.console.site import PAGES
from webhooks.delivery import heartbeat
from webhooks.models import ApiKey, EndpointHour, Event, Partner

from . import alerts
from .pages import Page

MOST_PARTNERS = 10


class Alerts(Page):
    """The part of the dashboard that staff_live.js asks for again."""

    permission = "webhooks.view_delivery"
    keeps_session_alive = False
    title = "Needs attention"
    template = "staff/dashboard/alerts.html"

    def context(self) -> dict[str, Any]:
        workers = heartbeat.status()
        found = alerts.found(may=self.may, now=timezone.now(), workers=workers)
        return {
            "alerts": [alert for alert in found if alert.colour != alerts.INFO],
            "all_alerts": found,
            "workers": workers,
        }


class Dashboard(Alerts):
    title = "Dashboard"
    template = "staff/dashboard/dashboard.html"
    keeps_session_alive = True

    def context(self) -> dict[str, Any]:
        hours, query = EndpointHour.objects.all(), self.request.GET
        return {
            **super().context(),
            "first_steps": _first_steps(),
            **charts.context(hours, query, now=timezone.now()),
            "busiest": _busiest(self.request),
        }

    def refused(self) -> HttpResponse:
        """Redirects to the first page that is open to the viewer, if any is."""
        for _, _, name, permission in PAGES:
            if self.request.user.has_perm(permission):
                return redirect(name)
        return super().refused()


def _busiest(request: HttpRequest) -> list[dict[str, Any]]:
    """The partners with the most attempts, each with the addresses of its deliveries."""
    period = charts.chosen_period(request.GET)
    since = charts.start_of(period, now=timezone.now())
    sums = (
        EndpointHour.objects.filter(hour__gte=since)
        .values("partner_id", name=F("partner__name"))
        .annotate(attempts=Sum(F("delivered") + F("failed")), failures=Sum("failed"))
        .order_by("-attempts", "name")
    )

    def deliveries(row: Any, **state: str) -> str:
        query = {"partner": row["partner_id"], "within": period, **state}
        return reverse("staff:deliveries", query=query)

    return [
        {**row, "all": deliveries(row), "failed": deliveries(row, state="failed")}
        for row in sums[:MOST_PARTNERS]
    ]


def _first_steps() -> dict[str, bool] | None:
    """Which of them are done; None when there is traffic already."""
    if Event.objects.exists():
        return None
    return {"partner": Partner.objects.exists(), "key": ApiKey.objects.exists()}
