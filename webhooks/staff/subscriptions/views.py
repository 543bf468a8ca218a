"""Subscriptions: the list, one of them, enabling it again and deleting it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Prefetch
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
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
from webhooks.rest.forms import KEY_REVOKED
from webhooks.staff.pages import Crumb, FormPage, List, Page, crumb

from . import overview
from .forms import SubscriptionFilters

MOST_DELIVERIES = 10
MOST_CHANGES = 5
"""Rows that the page shows of what is a link away."""

MOST_WAITING = 1000
"""Waiting deliveries, which are deleted with it, are counted up to this number."""


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


def above(subscription: Subscription | None = None) -> Sequence[Crumb]:
    """The list, and the subscription itself where a page is about something of it."""
    crumbs = [crumb("Subscriptions", "subscriptions")]
    if subscription is not None:
        crumbs.append(crumb(subscription, "subscription", subscription.id))
    return crumbs


class SubscriptionPage(Page):
    """A page about the subscription in the address."""

    may_be_deleted: ClassVar[bool] = False

    @cached_property
    def subscription(self) -> Any:
        """With its partner, key and live endpoints."""
        rows = Subscription.objects.select_related("partner", "api_key")
        row: Any = get_object_or_404(
            rows if self.may_be_deleted else rows.live(), id=self.kwargs["id"]
        )
        row.live_endpoints = list(row.endpoints.live())
        row.endpoint_urls = [endpoint.url for endpoint in row.live_endpoints]
        return row

    def above(self) -> Sequence[Crumb]:
        return above(self.subscription)

    def context(self) -> dict[str, Any]:
        return {"subscription": self.subscription}


class Detail(SubscriptionPage):
    permission = "webhooks.view_subscription"
    template = "staff/subscriptions/subscription.html"
    may_be_deleted = True

    @property
    def title(self) -> str:
        return str(self.subscription)

    def above(self) -> Sequence[Crumb]:
        return above()

    def context(self) -> dict[str, Any]:
        subscription, query, now = self.subscription, self.request.GET, timezone.now()
        endpoints = subscription.live_endpoints
        hours = EndpointHour.objects.filter(endpoint__subscription=subscription)
        recent = subscription.deliveries.select_related("event").defer("event__data")
        changes = AuditEntry.objects.filter(
            target_type="subscription", target_id=str(subscription.id)
        )
        test = ids.parse(query.get("test", ""))
        return {
            "subscription": subscription,
            "dialect": labels.dialect(subscription.dialect),
            "meaning": overview.meaning(subscription, endpoints),
            "is_disabled": overview.is_disabled(subscription, endpoints),
            "events": overview.subscribed_events(subscription),
            "signing": overview.signing(subscription),
            "test": test and overview.test_result(subscription, test, now=now),
            "api_preview": overview.api_preview(subscription, now=now),
            "deliveries": recent.order_by("-id")[:MOST_DELIVERIES],
            "changes": changes.order_by("-id").defer("before", "after")[:MOST_CHANGES],
            **charts.context(hours, query, now=now, subscription=subscription.id),
        }


class Enable(SubscriptionPage, FormPage):
    """Only for what the portal disabled. What its owner switched off is switched on by editing."""

    permission = "webhooks.change_subscription"
    template = "staff/subscriptions/enable.html"
    title = "Enable it again"
    refusals = {
        subscriptions.Deleted: (messages.ERROR, "It was deleted in the meantime."),
        subscriptions.KeyRevoked: (messages.ERROR, KEY_REVOKED),
        subscriptions.Overtaken: (
            messages.WARNING,
            "Somebody changed it at this moment, so nothing was done. Look at it again.",
        ),
    }

    def obstacle(self) -> HttpResponse | None:
        endpoints = self.subscription.live_endpoints
        if overview.is_disabled(self.subscription, endpoints):
            return None
        return self.leave("Nothing of it is disabled.", messages.INFO)

    def context(self) -> dict[str, Any]:
        live = self.subscription.live_endpoints
        disabled = [endpoint for endpoint in live if endpoint.disabled_at is not None]
        return super().context() | {"endpoints": disabled}

    def form_valid(self, form: Form) -> HttpResponse:
        subscriptions.update(
            by=staff_actor(self.request),
            subscription=self.subscription,
            # What its owner switches off at this moment is not switched on.
            seen=self.subscription.updated_at,
            change={"is_active": True},
        )
        return self.leave(
            "It is enabled: its URLs are called from the next event on. Deliveries that "
            "were cancelled meanwhile are sent when you replay them."
        )


class Delete(SubscriptionPage, FormPage):
    permission = "webhooks.delete_subscription"
    template = "staff/subscriptions/delete.html"
    title = "Delete this subscription"
    dangerous = True
    refusals = {
        subscriptions.Deleted: (
            messages.INFO,
            "Somebody else deleted it in the meantime.",
        )
    }

    def context(self) -> dict[str, Any]:
        endpoints = list(self.subscription.endpoints.values_list("id", flat=True))
        waiting = Delivery.objects.pending().filter(endpoint__in=endpoints)
        return super().context() | {
            "waiting": waiting[: MOST_WAITING + 1].count(),
            "most_waiting": MOST_WAITING,
        }

    def form_valid(self, form: Form) -> HttpResponse:
        subscriptions.delete(
            by=staff_actor(self.request), subscription=self.subscription
        )
        return self.leave(
            "It is deleted: its partner no longer finds it, and its waiting deliveries "
            "are cancelled. This page keeps what it was."
        )
