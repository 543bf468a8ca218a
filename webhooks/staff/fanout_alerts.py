"""The alerts of the dashboard about events whose deliveries are not all written."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import F
from django.urls import reverse

from webhooks.models import PendingFanout
from webhooks.models.kept import Kept

from .alert import DANGER, INFO, Alert, Item, first, listed, of_rows
from .events import EventFilters


def _first(rows: Any) -> Any:
    return first(
        rows.annotate(
            partner_name=F("partner__name"),
            type=F("event__type"),
            at=F("event__created_at"),
        )
        .defer("subscriptions")
        .order_by("event_id")
    )


_STUCK = Kept(lambda: _first(PendingFanout.objects.stuck()))
_GOING_ON = Kept(lambda: _first(PendingFanout.objects.going_on()))


def stuck(now: datetime) -> Alert | None:
    return _fanouts(
        EventFilters.STUCK,
        _STUCK,
        lambda row: row.error,
        DANGER,
        ("event cannot be queued", "events cannot be queued"),
        "Some deliveries of each could not be written, and nothing is lost: workers try "
        "again every 10 minutes. The log of the workers has the errors.",
    )


def unfinished(now: datetime) -> Alert | None:
    return _fanouts(
        EventFilters.GOING_ON,
        _GOING_ON,
        lambda row: f"{row.written:,} deliveries so far",
        INFO,
        ("event is being queued", "events are being queued"),
        "Each has so many deliveries that workers write them in pieces.",
    )


def _fanouts(
    state: str,
    kept: Kept,
    describe: Callable[[PendingFanout], str],
    colour: str,
    noun: tuple[str, str],
    description: str,
) -> Alert | None:
    return of_rows(
        kept.rows(),
        lambda row: Item(
            f"{row.partner_name}: {row.type}",
            reverse("staff:event", args=[row.event_id]),
            describe(row),
            at=row.at,
        ),
        colour=colour,
        noun=noun,
        description=description,
        address=listed("events", queued=state),
    )
