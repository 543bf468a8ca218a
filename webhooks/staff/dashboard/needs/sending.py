"""What is sent, and what is not."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Window
from django.urls import reverse

from webhooks.delivery import heartbeat
from webhooks.models import Delivery, Endpoint, Event, Recovery, ids

from .need import (
    DANGER,
    NAMED,
    NEWS,
    WARNING,
    Need,
    Thing,
    counted,
    list_address,
    number,
)

OVERDUE = timedelta(minutes=1)
"""A worker that is well takes what is due within a second or two."""


def worker(now: datetime) -> Need | None:
    workers = heartbeat.status()
    if workers.is_silent:
        return Need(
            DANGER,
            "No delivery worker is heard of",
            "Nothing is sent until one is back. What was published waits in the "
            "database, and nothing is lost.",
            named=[
                Thing("The last sign of life", "", word="was", at=workers.last_seen)
            ],
        )
    if not workers.registered:
        return Need(
            WARNING,
            "No delivery worker is running",
            "What is published waits until one is started: manage.py deliver.",
        )
    return None


def overdue(now: datetime) -> Need | None:
    # By the endpoints: the oldest of many waiting deliveries is in no index.
    waiting = Endpoint.objects.filter(
        disabled_at=None, next_due_at__lt=now - OVERDUE
    ).select_related("subscription__partner")
    longest = waiting.order_by("next_due_at").first()
    if longest is None or longest.next_due_at is None:
        return None
    minutes = (now - longest.next_due_at) // timedelta(minutes=1)
    pending = {"state": Delivery.State.PENDING}
    return Need(
        DANGER,
        f"The oldest delivery that is due has waited for {_long(minutes)}",
        "Either no worker has time for it, or none is running.",
        list_address("deliveries", pending),
        [
            Thing(
                longest.url,
                list_address(
                    "deliveries", pending | {"subscription": longest.subscription_id}
                ),
                longest.subscription.partner.name,
                "due since",
                longest.next_due_at,
            )
        ],
    )


def lost(now: datetime) -> Need | None:
    since = now - timedelta(days=7)
    lost = Delivery.objects.unrecovered().filter(
        id__gte=ids.before(since), created_at__gte=since
    )
    count = counted(lost)
    if not count:
        return None
    return Need(
        DANGER,
        number(count, "delivery was given up", "deliveries were given up"),
        "Of the last 7 days, after all their attempts, and not sent again since. Once "
        "the endpoint is mended, a recovery sends them.",
        list_address("deliveries", {"state": "unrecovered", "within": "7d"}),
    )


def unmatched(now: datetime) -> Need | None:
    since = now - timedelta(hours=24)
    count = counted(
        Event.objects.filter(
            matched=0, id__gte=ids.before(since), created_at__gte=since
        )
    )
    if not count:
        return None
    return Need(
        WARNING,
        number(count, "event was told to nobody", "events were told to nobody"),
        "In the last 24 hours. Each says why: most often no subscription wants its type.",
        list_address("events", {"told": "nobody", "within": "24h"}),
    )


def recoveries(now: datetime) -> Need | None:
    running = Recovery.objects.filter(state=Recovery.State.RUNNING)
    running = running.select_related("partner").annotate(of=Window(Count("*")))
    shown: list[Any] = list(running.order_by("id")[: NAMED + 1])
    if not shown:
        return None
    return Need(
        NEWS,
        number(shown[0].of, "recovery is under way", "recoveries are under way"),
        "What was missed is queued again, behind what is new.",
        list_address("recoveries", {"state": Recovery.State.RUNNING}),
        [
            Thing(
                row.partner.name,
                reverse("staff:recovery", args=[row.id]),
                f"{row.done:,} of {row.total:,}",
                "since",
                row.started_at,
            )
            for row in shown[:NAMED]
        ],
        has_more=len(shown) > NAMED,
    )


def _long(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
