"""One subscription: how it stands, what it is told, and the acts that end or revive it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from webhooks.console import charts, labels
from webhooks.console.actor import staff_actor
from webhooks.models import (
    AuditEntry,
    Delivery,
    Endpoint,
    EndpointHour,
    Subscription,
)
from webhooks.operations import subscriptions
from webhooks.staff.pages import Crumb, Page
from webhooks.staff.secrets import signing

from . import shown, standing, trial, wanted

MOST_DELIVERIES = 10
MOST_CHANGES = 5
"""Rows that the page shows of what is a link away."""

MOST_WAITING = 1000
"""How far deliveries that wait are counted before they are deleted with it."""


def found(id: UUID, *, live: bool = False) -> Subscription:
    """With its partner and key; raises Http404."""
    rows = Subscription.objects.select_related("partner", "api_key")
    subscription = (rows.live() if live else rows).filter(id=id).first()
    if subscription is None:
        raise Http404
    return subscription


def above(subscription: Subscription | None = None) -> tuple[Crumb, ...]:
    """The pages above that of a subscription; with one, those above its own."""
    crumbs = [Crumb("Subscriptions", reverse("staff:subscriptions"))]
    if subscription is not None:
        address = reverse("staff:subscription", args=[subscription.id])
        crumbs.append(Crumb(str(subscription), address))
    return tuple(crumbs)


class One(Page):
    permission = "webhooks.view_subscription"
    template = "staff/subscriptions/subscription.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        now = timezone.now()
        subscription = found(id)
        live = list(subscription.endpoints.live())
        recent = subscription.deliveries.select_related("event").defer("event__data")
        hours = EndpointHour.objects.filter(endpoint__subscription=subscription)
        return self.page(
            str(subscription),
            under=above(),
            subscription=subscription,
            dialect=labels.dialect(subscription.dialect),
            standing=standing.of(subscription, live),
            endpoints=[standing.health(endpoint, now=now) for endpoint in live],
            is_given_up=_is_given_up(subscription, live),
            wanted=wanted.of(subscription),
            signing=signing.of(subscription, now=now),
            trial=self._trial(subscription),
            shown=shown.of(subscription, now=now),
            chart=charts.of(hours, period=charts.chosen_period(request.GET), now=now),
            periods=charts.periods(request.GET),
            behind=charts.behind(request.GET, subscription=subscription.id),
            deliveries=recent.order_by("-id")[:MOST_DELIVERIES],
            changes=_changes(subscription),
        )

    def _trial(self, subscription: Subscription) -> trial.Trial | None:
        try:
            event_id = UUID(self.request.GET.get("test", ""))
        except ValueError:
            return None
        return trial.of(subscription, event_id, now=timezone.now())


class Enable(Page):
    """What the portal gave up is called again; what its owner switched off is edited."""

    permission = "webhooks.change_subscription"
    template = "staff/subscriptions/enable.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        subscription = found(id, live=True)
        live = list(subscription.endpoints.live())
        if not _is_given_up(subscription, live):
            messages.info(request, "Nothing of it is disabled.")
            return redirect("staff:subscription", id)
        return self.page(
            "Enable it again",
            under=above(subscription),
            subscription=subscription,
            endpoints=[e for e in live if e.disabled_at is not None],
            act="Enable it again",
            dangerous=False,
            form=None,
            back=reverse("staff:subscription", args=[id]),
        )

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        subscription = found(id, live=True)
        if not _is_given_up(subscription, list(subscription.endpoints.live())):
            messages.info(request, "Nothing of it is disabled.")
            return redirect("staff:subscription", id)
        try:
            subscriptions.update(
                by=staff_actor(request),
                subscription=subscription,
                # What its owner switches off at this moment is not switched on.
                seen=subscription.updated_at,
                change={"is_active": True},
            )
        except subscriptions.Deleted:
            messages.error(request, "It was deleted in the meantime.")
        except subscriptions.Overtaken:
            messages.warning(
                request,
                "Somebody changed it at this moment, so nothing was done. See how it "
                "stands now.",
            )
        else:
            messages.success(
                request,
                "It is enabled: its URLs are called again, beginning with the next "
                "event. What was cancelled meanwhile is sent when you recover it.",
            )
        return redirect("staff:subscription", id)


class Delete(Page):
    permission = "webhooks.delete_subscription"
    template = "staff/subscriptions/delete.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        subscription = found(id, live=True)
        return self.page(
            "Delete this subscription",
            under=above(subscription),
            subscription=subscription,
            endpoints=subscription.endpoints.live(),
            waiting=_waiting(subscription),
            most_waiting=MOST_WAITING,
            act="Delete this subscription",
            dangerous=True,
            form=None,
            back=reverse("staff:subscription", args=[id]),
        )

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        subscription = found(id, live=True)
        try:
            subscriptions.delete(by=staff_actor(request), subscription=subscription)
        except subscriptions.Deleted:
            messages.info(request, "Somebody else deleted it in the meantime.")
        else:
            messages.success(
                request,
                "It is deleted: its partner no longer finds it, and what waited for it "
                "is cancelled. This page keeps what it was.",
            )
        return redirect("staff:subscription", id)


def _is_given_up(subscription: Subscription, live: list[Endpoint]) -> bool:
    """Whether something of it is disabled that would be called otherwise."""
    if subscription.deleted_at is not None or not subscription.is_active:
        return False
    disabled = any(endpoint.disabled_at is not None for endpoint in live)
    return disabled or subscription.disabled_at is not None


def _waiting(subscription: Subscription) -> int:
    """Deliveries that deleting it cancels, counted to one more than MOST_WAITING."""
    endpoints = list(subscription.endpoints.values_list("id", flat=True))
    rows = Delivery.objects.pending().filter(endpoint__in=endpoints)
    return rows[: MOST_WAITING + 1].count()


def _changes(subscription: Subscription) -> Any:
    """The latest entries of the audit log."""
    entries = AuditEntry.objects.filter(
        target_type="subscription", target_id=str(subscription.id)
    )
    return entries.order_by("-id").defer("before", "after")[:MOST_CHANGES]
