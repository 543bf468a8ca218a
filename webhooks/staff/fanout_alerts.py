"""The alerts of the dashboard about events whose deliveries are not all written."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.urls import reverse

from webhooks.models import PendingFanout

from .alert import DANGER, INFO, Alert, Item, listed, of_rows
from .events import EventFilters


def stuck(now: datetime) -> Alert | None:
    return _fanouts(
        EventFilters.STUCK,
        PendingFanout.objects.stuck(),
        lambda row: row.error,
        DANGER,
        ("event cannot be queued", "events cannot be queued"),
        "Some deliveries of each could not be written, and nothing is lost: workers try "
        "again every 10 minutes. The log of the workers has the errors.",
    )


def unfinished(now: datetime) -> Alert | None:
    return _fanouts(
        EventFilters.GOING_ON,
        PendingFanout.objects.going_on(),
        lambda row: f"{row.written:,} deliveries so far",
        INFO,
        ("event is being queued", "events are being queued"),
        "Each has so many deliveries that workers write them in pieces.",
    )


def _fanouts(
    state: str,
    rows: Any,
    describe: Callable[[PendingFanout], str],
    colour: str,
    noun: tuple[str, str],
    description: str,
) -> Alert | None:
    return of_rows(
        rows.select_related("event", "partner").order_by("event_id"),
        lambda row: Item(
            f"{row.partner}: {row.event.type}",
            reverse("staff:event", args=[row.event_id]),
            describe(row),
            at=row.event.created_at,
        ),
        colour=colour,
        noun=noun,
        description=description,
        address=listed("events", queued=state),
    )
