"""The alerts and notes at the top of the dashboard.

Every alert leads to the list that it was read from, by the same filters. It is found by an
index, or counted no further than `alert.MOST_COUNTED`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Min, OuterRef, Prefetch, Subquery
from django.urls import reverse

from webhooks.console import labels
from webhooks.delivery import heartbeat
from webhooks.models import (
    ApiKey,
    Delivery,
    Endpoint,
    Event,
    Recovery,
    Subscription,
    ids,
)
from webhooks.operations import event_schemas, missing_keys

from . import fanout_alerts
from .alert import (
    DANGER,
    INFO,
    MOST_COUNTED,
    WARNING,
    Alert,
    Item,
    counted,
    listed,
    number,
    of_rows,
)
from .deliveries.forms import WAITING
from .events import EventFilters

__all__ = ["DANGER", "INFO", "WARNING", "Alert", "Item", "found"]

OVERDUE = timedelta(minutes=1)
"""A healthy worker takes what is due within a second or two."""


def found(*, may: Callable[[str], bool], now: datetime) -> list[Alert]:
    """The worst first; only what the viewer may look at."""
    alerts = (look(now) for permission, look in _LOOKS if may(permission))
    return [alert for alert in alerts if alert is not None]


def _worker(now: datetime) -> Alert | None:
    workers = heartbeat.status()
    if workers.is_silent:
        return Alert(
            DANGER,
            "No delivery worker responds",
            "Nothing is sent until one is back. Published events wait in the database, and "
            "nothing is lost.",
            items=[Item("The last sign of life", "", word="was", at=workers.last_seen)],
        )
    if not workers.registered:
        return Alert(
            WARNING,
            "No delivery worker is running",
            "Published events wait until one is started: manage.py deliver.",
        )
    return None


def _overdue(now: datetime) -> Alert | None:
    # Found by endpoint: no index finds the oldest of many waiting deliveries.
    waiting = Endpoint.objects.filter(
        disabled_at=None, next_due_at__lt=now - OVERDUE
    ).select_related("subscription__partner")
    longest = waiting.order_by("next_due_at").first()
    if longest is None or longest.next_due_at is None:
        return None
    minutes = (now - longest.next_due_at) // timedelta(minutes=1)
    its = listed("deliveries", state=WAITING, subscription=longest.subscription_id)
    return Alert(
        DANGER,
        f"The oldest due delivery has waited for {_duration(minutes)}",
        "Either no worker has time for it, or none is running.",
        listed("deliveries", state=WAITING),
        [
            Item(
                longest.url,
                its,
                longest.subscription.partner.name,
                "due since",
                longest.next_due_at,
            )
        ],
    )


def _without_key(now: datetime) -> Alert | None:
    count = missing_keys.count_waiting_deliveries()
    return (count or None) and Alert(
        DANGER,
        number(count, "delivery waits for a key", "deliveries wait for a key"),
        "A worker lacks the encryption key of their secrets (ENCRYPTION_KEYS).",
        listed("deliveries", state=WAITING),
    )


def _disabled(now: datetime) -> Alert | None:
    return _subscriptions(
        Subscription.State.DISABLED,
        Subscription.objects.annotate(at=F("disabled_at")),
        lambda row: row.disabled_reason,
        ("subscription is disabled", "subscriptions are disabled"),
        "Their endpoints answered that they are gone, or failed for days. The partner must "
        "fix them, or name another URL, before you enable them again.",
    )


def _failing(now: datetime) -> Alert | None:
    unhealthy = Endpoint.objects.unhealthy()
    of_each = unhealthy.filter(subscription=OuterRef("id")).order_by()
    began = of_each.values("subscription").annotate(at=Min("failing_since"))
    return _subscriptions(
        Subscription.State.FAILING,
        Subscription.objects.annotate(at=Subquery(began.values("at"))).prefetch_related(
            Prefetch("endpoints", unhealthy, to_attr="unhealthy")
        ),
        lambda row: ", ".join(endpoint.url for endpoint in row.unhealthy),
        ("subscription is failing", "subscriptions are failing"),
        "Their endpoints refuse deliveries or do not answer. Deliveries are retried until "
        "their attempts are used up.",
    )


def _unrecovered(now: datetime) -> Alert | None:
    since = now - timedelta(days=7)
    rows = Delivery.objects.unrecovered().filter(
        id__gte=ids.before(since), created_at__gte=since
    )
    count = counted(rows)
    return count and Alert(
        DANGER,
        number(
            count,
            "failed delivery (all attempts used)",
            "failed deliveries (all attempts used)",
        ),
        "In the last 7 days, and not sent again since. Fix the endpoint, then replay them.",
        listed("deliveries", state="unrecovered", within="7d"),
    )


def _expiring_keys(now: datetime) -> Alert | None:
    state = ApiKey.State.EXPIRING
    keys = ApiKey.objects.in_state(state).select_related("partner")
    return of_rows(
        keys.order_by("expires_at", "id"),
        lambda key: Item(
            key.name or labels.key(key),
            reverse("staff:key", args=[key.id]),
            key.partner.name if key.partner else "a publisher",
            "until",
            key.expires_at,
        ),
        colour=WARNING,
        noun=("key expires soon", "keys expire soon"),
        description="After that, every API refuses it. Rotate it: the old key stays valid "
        "beside the new one for a while.",
        address=listed("keys", state=state),
    )


def _unmatched(now: datetime) -> Alert | None:
    since = now - timedelta(hours=24)
    rows = Event.objects.filter(
        matched=0, id__gte=ids.before(since), created_at__gte=since
    )
    count = counted(rows)
    return count and Alert(
        WARNING,
        number(count, "unmatched event", "unmatched events"),
        "In the last 24 hours. Each says why: most often no subscription has its type.",
        listed("events", matched=EventFilters.UNMATCHED, within="24h"),
    )


def _unusable_schemas(now: datetime) -> Alert | None:
    rows = event_schemas.unusable()
    if not rows:
        return None
    return Alert(
        WARNING,
        number(len(rows), "unusable schema", "unusable schemas"),
        "Of event types. Their events are published unchecked, or refused where no data can "
        "satisfy the schema. The page of the type says what to change.",
        items=[
            Item(name, reverse("staff:event-type", args=[name]), fault.reason)
            for name, fault in rows[:MOST_COUNTED]
        ],
    )


def _recoveries(now: datetime) -> Alert | None:
    running = Recovery.objects.filter(state=Recovery.State.RUNNING)
    return of_rows(
        running.select_related("partner").order_by("id"),
        lambda row: Item(
            row.partner.name,
            reverse("staff:recovery", args=[row.id]),
            f"{row.done:,} of {row.total:,}",
            at=row.started_at,
        ),
        colour=INFO,
        noun=("recovery is under way", "recoveries are under way"),
        description="Failed deliveries are queued again, behind new events.",
        address=listed("recoveries", state=Recovery.State.RUNNING),
    )


# The worst first: (the permission that it needs, the function that looks for it)
_LOOKS: tuple[tuple[str, Callable[[datetime], Alert | None]], ...] = (
    ("view_delivery", _worker),
    ("view_delivery", _overdue),
    ("view_delivery", _without_key),
    ("view_subscription", _disabled),
    ("view_subscription", _failing),
    ("view_event", fanout_alerts.stuck),
    ("view_delivery", _unrecovered),
    ("view_apikey", _expiring_keys),
    ("view_event", _unmatched),
    ("view_eventtype", _unusable_schemas),
    ("view_event", fanout_alerts.unfinished),
    ("view_recovery", _recoveries),
)


def _subscriptions(
    state: Subscription.State,
    rows: Any,
    describe: Callable[[Any], str],
    noun: tuple[str, str],
    description: str,
) -> Alert | None:
    """Subscriptions in a state, `at` which each came into it."""
    rows = rows.in_state(state).select_related("partner")
    return of_rows(
        rows.order_by(F("at").asc(nulls_last=True), "id"),
        lambda row: Item(
            f"{row.partner}: {row.name or labels.dialect(row.dialect)}",
            reverse("staff:subscription", args=[row.id]),
            describe(row),
            at=row.at,
        ),
        colour=DANGER,
        noun=noun,
        description=description,
        address=listed("subscriptions", state=state),
    )


def _duration(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
