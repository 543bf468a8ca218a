"""Subscriptions that nothing reaches, and keys that end."""

from datetime import datetime
from typing import Any

from django.db.models import Count, F, Min, OuterRef, Prefetch, Subquery, Window
from django.urls import reverse

from webhooks.models import ApiKey, Endpoint, Subscription
from webhooks.staff.keys import keys
from webhooks.staff.subscriptions import standing

from .need import DANGER, NAMED, WARNING, Need, Thing, list_address, number


def disabled(now: datetime) -> Need | None:
    shown = _subscriptions(standing.DISABLED, "disabled_at")
    if not shown:
        return None
    return Need(
        DANGER,
        number(shown[0].of, "subscription is disabled", "subscriptions are disabled"),
        "Their endpoints said they are gone, or failed for days. Their partner has to "
        "mend them, or name another URL, before they are enabled again.",
        list_address("subscriptions", {"state": standing.DISABLED}),
        [
            _subscription(row, row.disabled_reason, row.disabled_at)
            for row in shown[:NAMED]
        ],
        has_more=len(shown) > NAMED,
    )


def failing(now: datetime) -> Need | None:
    ailing = Endpoint.objects.unhealthy()
    of_each = (
        ailing.filter(subscription=OuterRef("id")).order_by().values("subscription")
    )
    began = of_each.annotate(at=Min("failing_since")).values("at")
    shown = _subscriptions(
        standing.FAILING,
        "began_failing",
        rows=Subscription.objects.annotate(
            began_failing=Subquery(began)
        ).prefetch_related(Prefetch("endpoints", ailing, to_attr="ailing")),
    )
    if not shown:
        return None
    return Need(
        DANGER,
        number(shown[0].of, "subscription is failing", "subscriptions are failing"),
        "Their endpoints refuse what they are sent, or do not answer. It is sent again "
        "by itself until its attempts are used up.",
        list_address("subscriptions", {"state": standing.FAILING}),
        [
            _subscription(row, ", ".join(e.url for e in row.ailing), row.began_failing)
            for row in shown[:NAMED]
        ],
        has_more=len(shown) > NAMED,
    )


def expiring_keys(now: datetime) -> Need | None:
    soon = ApiKey.objects.expiring_at(now).select_related("partner")
    soon = soon.exclude(partner__is_active=False).annotate(of=Window(Count("*")))
    shown: list[Any] = list(soon.order_by("expires_at", "id")[: NAMED + 1])
    if not shown:
        return None
    return Need(
        WARNING,
        number(shown[0].of, "key is about to expire", "keys are about to expire"),
        "Who uses it is refused from then on. Rotate it: the old key stays good beside "
        "the new one for a while.",
        list_address("keys", {"state": "expiring"}),
        [
            Thing(
                key.name or keys.shown(key),
                reverse("staff:key", args=[key.id]),
                key.partner.name if key.partner else "a publisher",
                "until",
                key.expires_at,
            )
            for key in shown[:NAMED]
        ],
        has_more=len(shown) > NAMED,
    )


def _subscriptions(state: str, first: str, rows: Any = None) -> list[Any]:
    """The first of those in a state, each with how many there are."""
    rows = Subscription.objects.all() if rows is None else rows
    rows = rows.filter(standing.in_state(state)).select_related("partner")
    rows = rows.annotate(of=Window(Count("*")))
    return list(rows.order_by(F(first).asc(nulls_last=True), "id")[: NAMED + 1])


def _subscription(row: Subscription, says: str, at: datetime | None) -> Thing:
    address = reverse("staff:subscription", args=[row.id])
    return Thing(
        f"{row.partner}: {row.name or row.dialect}", address, says, "since", at
    )
