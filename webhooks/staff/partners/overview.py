"""The context of the page of one partner, each part for viewers with its permission."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet
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
from webhooks.operations import limits
from webhooks.operations.limits import Limit

MOST = 20
"""Rows of a table; the others are a link away."""

LATEST = 10
"""Rows of a log."""

_COUNTED = 1_000
"""Waiting deliveries are counted no further: more is only said to be more."""

# The databases differ on where null is sorted.
_LONGEST = F("failing_since").asc(nulls_first=True)
_OPEN = F("revoked_at").desc(nulls_first=True)


@dataclass(frozen=True)
class Part:
    """The first rows of a table."""

    rows: Sequence[Any]
    has_more: bool


@dataclass(frozen=True)
class Dependents:
    """The numbers of rows that activating or deactivating the partner affects."""

    subscriptions: int
    keys: int
    recoveries: int
    waiting: int

    @property
    def waiting_label(self) -> str:
        if self.waiting > _COUNTED:
            return f"more than {_COUNTED:,} deliveries"
        return f"{self.waiting:,} deliveries"


def of(
    partner: Partner, *, may: Callable[[str], bool], query: QueryDict
) -> Mapping[str, Any]:
    """The page's context. A part that the viewer may not see is None, and not read."""
    parts: dict[str, tuple[str, Callable[[Partner], Any]]] = {
        "subscriptions": ("view_subscription", _subscriptions),
        "endpoints": ("view_subscription", _endpoints),
        "keys": ("view_apikey", _keys),
        "deliveries": ("view_delivery", _deliveries),
        "recoveries": ("view_recovery", _recoveries),
        "history": ("view_auditentry", _history),
        "limits": ("view_partner", limit_rows),
    }
    hours = EndpointHour.objects.filter(partner=partner)
    return {
        **{
            name: read(partner) if may(permission) else None
            for name, (permission, read) in parts.items()
        },
        **charts.context(hours, query, now=timezone.now(), partner=partner.id),
    }


@dataclass(frozen=True)
class LimitRow:
    """A limit as a page shows it."""

    limit: Limit
    most: int
    used: int | None
    """None for one that counts no rows."""

    @property
    def label(self) -> str:
        label = self.limit.label
        return f"{label[0].upper()}{label[1:]}"

    @property
    def has(self) -> str:
        return "" if self.used is None else f"{self.used:,}"

    @property
    def may_have(self) -> str:
        return f"{self.most:,}"

    @property
    def is_reached(self) -> bool:
        return self.used is not None and self.used >= self.most

    @property
    def is_own(self) -> bool:
        """Whether it is another than the settings say."""
        return self.most != self.limit.default


def limit_rows(partner: Partner) -> Sequence[LimitRow]:
    """Every limit that has a setting; one statement."""
    used = limits.used(partner.pk, limits.EVERY)
    return [LimitRow(each, each.of(partner), used.get(each)) for each in limits.EVERY]


def dependents(partner: Partner, *, now: datetime) -> Dependents:
    mine = Endpoint.objects.filter(subscription__partner=partner)
    # By endpoint, as waiting deliveries are indexed.
    waiting = Delivery.objects.pending().filter(endpoint__in=mine.values("id"))
    return Dependents(
        subscriptions=Subscription.objects.live().filter(partner=partner).count(),
        keys=ApiKey.objects.of(partner).usable_at(now).count(),
        recoveries=partner.recoveries.filter(state=Recovery.State.RUNNING).count(),
        waiting=waiting.order_by()[: _COUNTED + 1].count(),
    )


def _subscriptions(partner: Partner) -> Part:
    live = Prefetch("endpoints", Endpoint.objects.live(), to_attr="live_endpoints")
    rows = Subscription.objects.live().filter(partner=partner).prefetch_related(live)
    rows = rows.defer("extras", "events")
    return _first(rows.order_by("dialect", "-created_at", "id"))


def _endpoints(partner: Partner) -> Part:
    rows = _unhealthy().filter(subscription__partner=partner)
    return _first(rows.select_related("subscription").order_by(_LONGEST, "id"))


def _keys(partner: Partner) -> Part:
    rows = ApiKey.objects.of(partner).select_related("partner")
    # Those that still work come first: they are what somebody looks for.
    return _first(rows.order_by(_OPEN, "-created_at", "id"))


def _deliveries(partner: Partner) -> Sequence[Delivery]:
    rows = Delivery.objects.filter(partner=partner).order_by("-id")
    event = Prefetch("event", Event.objects.only("type"))
    return list(rows.prefetch_related(event)[:LATEST])


def _recoveries(partner: Partner) -> Sequence[Recovery]:
    return list(partner.recoveries.order_by("-id")[:LATEST])


def _history(partner: Partner) -> Sequence[AuditEntry]:
    rows = AuditEntry.objects.filter(partner_id=partner.id).order_by("-at", "-id")
    return list(rows.defer("before", "after")[:LATEST])


def _first(rows: QuerySet[Any]) -> Part:
    found = list(rows[: MOST + 1])
    return Part(found[:MOST], len(found) > MOST)


# --- The unhealthy endpoints of partners ----------------------------------------------

FAILING, DISABLED, NONE = "failing", "disabled", "none"

_DISABLED = Q(disabled_at__isnull=False)
_FAILING = Q(failing_since__isnull=False, disabled_at=None)


@dataclass(frozen=True)
class Unhealthy:
    """The numbers of unhealthy endpoints of a partner."""

    failing: int = 0
    disabled: int = 0


def _unhealthy() -> Any:
    """Of subscriptions that are not deleted."""
    return Endpoint.objects.unhealthy().filter(subscription__deleted_at=None)


def with_endpoints(health: str) -> Q:
    """Partners with an endpoint that is failing, or disabled, or with neither."""
    found = _unhealthy().order_by().filter(subscription__partner=OuterRef("id"))
    match health:
        case "failing":
            return Q(Exists(found.filter(_FAILING)))
        case "disabled":
            return Q(Exists(found.filter(_DISABLED)))
        case _:
            return ~Q(Exists(found))


def unhealthy_counts(partners: Collection[UUID]) -> dict[UUID, Unhealthy]:
    """By the partner's id, of those that have any; one statement."""
    rows = _unhealthy().filter(subscription__partner__in=partners).order_by()
    counted = rows.values_list("subscription__partner").annotate(
        failing=Count("id", filter=_FAILING), disabled=Count("id", filter=_DISABLED)
    )
    return {id: Unhealthy(failing, disabled) for id, failing, disabled in counted}
