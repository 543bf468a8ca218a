"""Subscriptions: the list, one of them, enabling it again and deleting it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console import charts, labels, paging
from webhooks.console.actor import staff_actor
from webhooks.models import (
    AuditEntry,
    Delivery,
    Endpoint,
    EndpointHour,
    Subscription,
    ids,
)
from webhooks.operations import subscriptions
from webhooks.staff.pages import ConfirmPage, Crumb, List, Page, crumb
from webhooks.staff.secrets import signing

from . import api_preview, events, status, test_result
from .forms import SubscriptionFilters

MOST_DELIVERIES = 10
MOST_CHANGES = 5
"""Rows that the page shows of what is a link away."""

MOST_WAITING = 1000
"""How far deliveries that wait are counted before they are deleted with it."""


class Subscriptions(List):
    permission = "webhooks.view_subscription"
    title = "Subscriptions"
    template = "staff/subscriptions/list.html"
    filters = SubscriptionFilters
    keyset = paging.Keyset("updated_at", "id")

    def rows(self) -> Any:
        live = Prefetch("endpoints", Endpoint.objects.live(), to_attr="live_endpoints")
        return (
            Subscription.objects.select_related("partner")
            .prefetch_related(live)
            .defer("extras", "events")
        )


def found(id: UUID, *, live: bool = False) -> Subscription:
    """With its partner, key and live endpoints; raises Http404."""
    rows = Subscription.objects.live() if live else Subscription.objects.all()
    row: Any = get_object_or_404(rows.select_related("partner", "api_key"), id=id)
    row.live_endpoints = list(row.endpoints.live())
    return row  # type: ignore[no-any-return]


def above(subscription: Subscription | None = None) -> Sequence[Crumb]:
    """The pages above that of a subscription; with one, those above its own."""
    crumbs = [crumb("Subscriptions", "subscriptions")]
    if subscription is not None:
        crumbs.append(crumb(subscription, "subscription", subscription.id))
    return crumbs


class One(Page):
    permission = "webhooks.view_subscription"
    template = "staff/subscriptions/subscription.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        now = timezone.now()
        subscription: Any = found(id)
        endpoints = subscription.live_endpoints
        recent = subscription.deliveries.select_related("event").defer("event__data")
        changes = AuditEntry.objects.filter(
            target_type="subscription", target_id=str(id)
        )
        test = ids.parse(request.GET.get("test", ""))
        return self.page(
            str(subscription),
            under=above(),
            subscription=subscription,
            dialect=labels.dialect(subscription.dialect),
            meaning=status.meaning(subscription, endpoints),
            is_disabled=status.is_disabled(subscription, endpoints),
            events=events.of(subscription),
            signing=signing.of(subscription, now=now),
            test=test and test_result.of(subscription, test, now=now),
            api_preview=api_preview.of(subscription, now=now),
            **charts.context(
                EndpointHour.objects.filter(endpoint__subscription=subscription),
                request.GET,
                now=now,
                subscription=id,
            ),
            deliveries=recent.order_by("-id")[:MOST_DELIVERIES],
            changes=changes.order_by("-id").defer("before", "after")[:MOST_CHANGES],
        )


class SubscriptionConfirmPage(ConfirmPage):
    @cached_property
    def subscription(self) -> Any:
        return found(self.kwargs["id"], live=True)

    def above(self) -> Sequence[Crumb]:
        return above(self.subscription)

    def context(self) -> dict[str, Any]:
        return {"subscription": self.subscription}

    def back_to_it(self) -> HttpResponse:
        return redirect("staff:subscription", self.subscription.id)


class Enable(SubscriptionConfirmPage):
    """For what the portal disabled; what its owner switched off is edited."""

    permission = "webhooks.change_subscription"
    template = "staff/subscriptions/enable.html"
    title = "Enable it again"

    def obstacle(self) -> HttpResponse | None:
        endpoints = self.subscription.live_endpoints
        if status.is_disabled(self.subscription, endpoints):
            return None
        messages.info(self.request, "Nothing of it is disabled.")
        return self.back_to_it()

    def context(self) -> dict[str, Any]:
        live = self.subscription.live_endpoints
        disabled = [endpoint for endpoint in live if endpoint.disabled_at is not None]
        return super().context() | {"endpoints": disabled}

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            subscriptions.update(
                by=staff_actor(self.request),
                subscription=self.subscription,
                # What its owner switches off at this moment is not switched on.
                seen=self.subscription.updated_at,
                change={"is_active": True},
            )
        except subscriptions.Deleted:
            messages.error(self.request, "It was deleted in the meantime.")
        except subscriptions.Overtaken:
            messages.warning(
                self.request,
                "Somebody changed it at this moment, so nothing was done. Look at it again.",
            )
        else:
            messages.success(
                self.request,
                "It is enabled: its URLs are called from the next event on. Deliveries that "
                "were cancelled meanwhile are sent when you replay them.",
            )
        return self.back_to_it()


class Delete(SubscriptionConfirmPage):
    permission = "webhooks.delete_subscription"
    template = "staff/subscriptions/delete.html"
    title = "Delete this subscription"
    dangerous = True

    def context(self) -> dict[str, Any]:
        endpoints = list(self.subscription.endpoints.values_list("id", flat=True))
        waiting = Delivery.objects.pending().filter(endpoint__in=endpoints)
        return super().context() | {
            "waiting": waiting[: MOST_WAITING + 1].count(),
            "most_waiting": MOST_WAITING,
        }

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            subscriptions.delete(
                by=staff_actor(self.request), subscription=self.subscription
            )
        except subscriptions.Deleted:
            messages.info(self.request, "Somebody else deleted it in the meantime.")
        else:
            messages.success(
                self.request,
                "It is deleted: its partner no longer finds it, and its waiting deliveries "
                "are cancelled. This page keeps what it was.",
            )
        return self.back_to_it()
