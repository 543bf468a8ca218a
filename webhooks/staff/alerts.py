"""The alerts and notes at the top of the dashboard.

Every alert leads to the list that it was read from, by the same filters. It is found by an
index, or counted no further than `alert.MOST_COUNTED`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import DateTimeField, F, UUIDField
from django.urls import reverse

from webhooks.console import labels
from webhooks.delivery import heartbeat
from webhooks.models import (
    ApiKey,
    Delivery,
    Endpoint,
    Event,
    Recovery,
    ids,
)
from webhooks.models.kept import Kept
from webhooks.operations import event_schemas, missing_keys, recovery_selection

from . import fanout_alerts, subscription_alerts
from .alert import (
    DANGER,
    INFO,
    MOST_COUNTED,
    WARNING,
    Alert,
    Item,
    counted,
    first,
    listed,
    number,
    of_rows,
)
from .deliveries.forms import WAITING
from .events import EventFilters

__all__ = ["DANGER", "INFO", "WARNING", "Alert", "Item", "found"]

OVERDUE = timedelta(minutes=1)
"""A healthy worker takes what is due within a second or two."""


def found(
    *, may: Callable[[str], bool], now: datetime, workers: heartbeat.WorkerStatus
) -> list[Alert]:
    """The worst first; only what the viewer may look at."""
    alerts = [look(now) for permission, look in _LOOKS if may(permission)]
    if may("view_delivery"):
        alerts.insert(0, _worker(workers))
    return [alert for alert in alerts if alert is not None]


def _worker(workers: heartbeat.WorkerStatus) -> Alert | None:
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


# Found by endpoint: no index finds the oldest of many waiting deliveries.
_WAITING_LONGEST = Kept(
    lambda before: (
        Endpoint.objects.filter(disabled_at=None, next_due_at__lt=before)
        .annotate(partner_name=F("subscription__partner__name"))
        .order_by("next_due_at")[:1]
    ),
    before=DateTimeField(),
)


def _overdue(now: datetime) -> Alert | None:
    longest = next(iter(_WAITING_LONGEST.rows(before=now - OVERDUE)), None)
    if longest is None:
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
                longest.partner_name,
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


_UNRECOVERED = Kept(
    lambda since, first_id: counted(
        Delivery.objects.unrecovered().filter(id__gte=first_id, created_at__gte=since)
    ),
    since=DateTimeField(),
    first_id=UUIDField(),
)


def _unrecovered(now: datetime) -> Alert | None:
    since = now - timedelta(days=7)
    count = _UNRECOVERED.count(since=since, first_id=ids.before(since))
    return (count or None) and Alert(
        DANGER,
        number(
            count,
            "failed delivery (all attempts used)",
            "failed deliveries (all attempts used)",
        ),
        "In the last 7 days, and not sent again since. Fix the endpoint, then replay them.",
        listed("deliveries", state="unrecovered", within="7d"),
    )


_EXPIRING = Kept(
    lambda now: first(
        ApiKey.objects.in_state(ApiKey.State.EXPIRING, at=now)
        .annotate(partner_name=F("partner__name"))
        .only("name", "prefix", "expires_at")
        .order_by("expires_at", "id")
    ),
    now=DateTimeField(),
)


def _expiring_keys(now: datetime) -> Alert | None:
    return of_rows(
        _EXPIRING.rows(now=now),
        lambda key: Item(
            key.name or labels.key(key),
            reverse("staff:key", args=[key.id]),
            key.partner_name or "a publisher",
            "until",
            key.expires_at,
        ),
        colour=WARNING,
        noun=("key expires soon", "keys expire soon"),
        description="After that, every API refuses it. Rotate it: the old key stays valid "
        "beside the new one for a while.",
        address=listed("keys", state=ApiKey.State.EXPIRING),
    )


_UNMATCHED = Kept(
    lambda since, first_id: counted(
        Event.objects.filter(matched=0, id__gte=first_id, created_at__gte=since)
    ),
    since=DateTimeField(),
    first_id=UUIDField(),
)


def _unmatched(now: datetime) -> Alert | None:
    since = now - timedelta(hours=24)
    count = _UNMATCHED.count(since=since, first_id=ids.before(since))
    return (count or None) and Alert(
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


_RUNNING = Kept(
    lambda: first(
        Recovery.objects.filter(state=Recovery.State.RUNNING)
        .annotate(partner_name=F("partner__name"))
        .only("done", "total", "started_at", "state", "filter")
        .order_by("id")
    )
)


def _recoveries(now: datetime) -> Alert | None:
    return of_rows(
        _RUNNING.rows(),
        lambda row: Item(
            row.partner_name,
            reverse("staff:recovery", args=[row.id]),
            f"{row.done:,} of {row.total:,}"
            + ("" if recovery_selection.is_total_exact(row) else " or more"),
            at=row.started_at,
        ),
        colour=INFO,
        noun=("recovery is under way", "recoveries are under way"),
        description="Failed deliveries are queued again, behind new events.",
        address=listed("recoveries", state=Recovery.State.RUNNING),
    )


# The worst first: (the permission that it needs, the function that looks for it)
_LOOKS: tuple[tuple[str, Callable[[datetime], Alert | None]], ...] = (
    ("view_delivery", _overdue),
    ("view_delivery", _without_key),
    ("view_subscription", subscription_alerts.disabled),
    ("view_subscription", subscription_alerts.failing),
    ("view_event", fanout_alerts.stuck),
    ("view_delivery", _unrecovered),
    ("view_apikey", _expiring_keys),
    ("view_event", _unmatched),
    ("view_eventtype", _unusable_schemas),
    ("view_event", fanout_alerts.unfinished),
    ("view_recovery", _recoveries),
)


def _duration(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
