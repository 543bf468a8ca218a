"""The alerts of the dashboard about subscriptions to which nothing arrives."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import (
    F,
    Min,
    OuterRef,
    Prefetch,
    Subquery,
    prefetch_related_objects,
)
from django.urls import reverse

from webhooks.console import labels
from webhooks.models import Endpoint, Subscription
from webhooks.models.kept import Kept

from .alert import DANGER, Alert, Item, first, listed, of_rows


def _in_state(state: Subscription.State, rows: Any) -> Any:
    """Subscriptions in a state, `at` which each came into it: the longest first."""
    return first(
        rows.in_state(state)
        .annotate(partner_name=F("partner__name"))
        .only("name", "dialect", "disabled_reason")
        .order_by(F("at").asc(nulls_last=True), "id")
    )


def _began_to_fail() -> Any:
    of_each = Endpoint.objects.unhealthy().filter(subscription=OuterRef("id"))
    began = of_each.order_by().values("subscription").annotate(at=Min("failing_since"))
    return Subquery(began.values("at"))


_DISABLED = Kept(
    lambda: _in_state(
        Subscription.State.DISABLED, Subscription.objects.annotate(at=F("disabled_at"))
    )
)
_FAILING = Kept(
    lambda: _in_state(
        Subscription.State.FAILING, Subscription.objects.annotate(at=_began_to_fail())
    )
)


def disabled(now: datetime) -> Alert | None:
    return _subscriptions(
        Subscription.State.DISABLED,
        _DISABLED.rows(),
        lambda row: row.disabled_reason,
        ("subscription is disabled", "subscriptions are disabled"),
        "Their endpoints answered that they are gone, or failed for days. The partner must "
        "fix them, or name another URL, before you enable them again.",
    )


def failing(now: datetime) -> Alert | None:
    rows = _FAILING.rows()
    unhealthy = Prefetch("endpoints", Endpoint.objects.unhealthy(), to_attr="unhealthy")
    prefetch_related_objects(rows, unhealthy)
    return _subscriptions(
        Subscription.State.FAILING,
        rows,
        lambda row: ", ".join(endpoint.url for endpoint in row.unhealthy),
        ("subscription is failing", "subscriptions are failing"),
        "Their endpoints refuse deliveries or do not answer. Deliveries are retried until "
        "their attempts are used up.",
    )


def _subscriptions(
    state: Subscription.State,
    rows: list[Any],
    describe: Callable[[Any], str],
    noun: tuple[str, str],
    description: str,
) -> Alert | None:
    return of_rows(
        rows,
        lambda row: Item(
            f"{row.partner_name}: {row.name or labels.dialect(row.dialect)}",
            reverse("staff:subscription", args=[row.id]),
            describe(row),
            at=row.at,
        ),
        colour=DANGER,
        noun=noun,
        description=description,
        address=listed("subscriptions", state=state),
    )
