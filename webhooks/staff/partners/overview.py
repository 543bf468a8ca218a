"""What the page of one partner brings together, each part for who may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import F, Prefetch, QuerySet
from django.http import QueryDict
from django.utils import timezone

from webhooks.console import charts
from webhooks.models import (
    ApiKey,
    AuditEntry,
    Delivery,
    Endpoint,
    EndpointHour,
    Event,
    Partner,
    Recovery,
    Subscription,
)
from webhooks.rest import interfaces
from webhooks.staff.keys import keys
from webhooks.staff.subscriptions import standing

from . import ailing

MOST = 20
"""Rows of a table; the others are a link away."""

LATEST = 10
"""Rows of a log."""

_COUNTED = 1_000
"""Waiting deliveries are counted no further: more is only said to be more."""

# The databases differ on where null stands by itself.
_LONGEST = F("failing_since").asc(nulls_first=True)
_OPEN = F("revoked_at").desc(nulls_first=True)


@dataclass(frozen=True)
class Part:
    """The first rows of a table."""

    rows: Sequence[Any]
    has_more: bool


@dataclass(frozen=True)
class Hanging:
    """What a partner's switch decides about."""

    subscriptions: int
    keys: int
    recoveries: int
    waiting: int

    @property
    def waiting_says(self) -> str:
        if self.waiting > _COUNTED:
            return f"more than {_COUNTED:,} deliveries"
        return f"{self.waiting:,} deliveries"


def of(
    partner: Partner, *, viewer: AbstractBaseUser | AnonymousUser, query: QueryDict
) -> Mapping[str, Any]:
    """The page's context. A part that the viewer may not see is None, and not asked for."""
    now = timezone.now()

    def may(model: str) -> bool:
        return bool(viewer.has_perm(f"webhooks.view_{model}"))  # type: ignore[union-attr]

    hours = EndpointHour.objects.filter(partner=partner)
    return {
        "subscriptions": _subscriptions(partner) if may("subscription") else None,
        "unwell": _unwell(partner, now) if may("subscription") else None,
        "keys": _keys(partner, now) if may("apikey") else None,
        "chart": charts.of(hours, period=charts.chosen_period(query), now=now),
        "periods": charts.periods(query),
        "behind": charts.behind(query, partner=partner.id),
        "deliveries": _deliveries(partner) if may("delivery") else None,
        "recoveries": _recoveries(partner) if may("recovery") else None,
        "history": _history(partner) if may("auditentry") else None,
    }


def hanging(partner: Partner, *, now: datetime) -> Hanging:
    endpoints = Endpoint.objects.filter(subscription__partner=partner)
    # By endpoint: what waits is indexed so, and is little beside what has ended.
    waiting = Delivery.objects.pending().filter(endpoint__in=endpoints.values("id"))
    return Hanging(
        subscriptions=Subscription.objects.live().filter(partner=partner).count(),
        keys=ApiKey.objects.of(partner).usable_at(now).count(),
        recoveries=partner.recoveries.filter(state=Recovery.State.RUNNING).count(),
        waiting=waiting.order_by()[: _COUNTED + 1].count(),
    )


def _subscriptions(partner: Partner) -> Part:
    live = Prefetch("endpoints", Endpoint.objects.live(), to_attr="live_endpoints")
    rows = (
        Subscription.objects.live()
        .filter(partner=partner)
        .prefetch_related(live)
        .defer("extras", "events")
        .order_by("dialect", "-created_at", "id")
    )
    part = _first(rows, MOST)
    titles = {each.slug: each.title for each in interfaces.all()}
    shown = [
        {
            "row": row,
            "dialect": titles.get(row.dialect, row.dialect),
            "urls": row.live_endpoints,
            "badge": standing.STATES[standing.state(row, row.live_endpoints)],
        }
        for row in part.rows
    ]
    return Part(shown, part.has_more)


def _unwell(partner: Partner, now: datetime) -> Part:
    rows = ailing.endpoints().filter(subscription__partner=partner)
    part = _first(rows.select_related("subscription").order_by(_LONGEST, "id"), MOST)
    return Part([standing.health(row, now=now) for row in part.rows], part.has_more)


def _keys(partner: Partner, now: datetime) -> Part:
    rows = ApiKey.objects.of(partner).select_related("partner")
    # Those that still open come first: it is they that somebody looks for.
    part = _first(rows.order_by(_OPEN, "-created_at", "id"), MOST)
    shown = [
        {"row": row, "text": keys.shown(row), "state": keys.state(row, at=now)}
        for row in part.rows
    ]
    return Part(shown, part.has_more)


def _deliveries(partner: Partner) -> Sequence[Delivery]:
    rows = Delivery.objects.filter(partner=partner).order_by("-id")
    event = Prefetch("event", Event.objects.only("type"))
    return list(rows.prefetch_related(event)[:LATEST])


def _recoveries(partner: Partner) -> Sequence[Recovery]:
    return list(partner.recoveries.order_by("-id")[:LATEST])


def _history(partner: Partner) -> Sequence[AuditEntry]:
    rows = AuditEntry.objects.filter(partner_id=partner.id).order_by("-at", "-id")
    return list(rows.defer("before", "after")[:LATEST])


def _first(rows: QuerySet[Any], most: int) -> Part:
    found = list(rows[: most + 1])
    return Part(found[:most], len(found) > most)
