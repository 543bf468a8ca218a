"""The queue's statements for PostgreSQL.

A claim and a settlement are one statement each: atomic without a transaction around it,
and one round trip.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from webhooks.delivery.outbox import clocks, statements
from webhooks.delivery.outbox.new import NewDelivery, due_earlier, pending
from webhooks.delivery.outbox.rows import Claimed, Recorded
from webhooks.models import EndpointHour, Event, prepared

from . import writing

_HERE = Path(__file__).parent
CLAIMING = statements.read(_HERE / "claiming.sql")
SETTLING = statements.read(
    _HERE / "settling.sql",
    hour_fields=", ".join(statements.HOUR_FIELDS),
    hour_sums=statements.hour_sums("h"),
    latency_counts=", ".join(
        "count(*) FILTER (WHERE width_bucket(duration_ms - 1, %(bounds)s::int[]) "
        f"= {number})"
        for number in range(len(EndpointHour.LATENCY_FIELDS))
    ),
)
WAKING = statements.read(_HERE / "waking.sql")


def claim(
    *,
    token: UUID,
    limit: int,
    most: int,
    full: Collection[UUID],
    lease: float,
    is_begun: bool,
) -> Claimed:
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIMING["claim"],
            {
                "token": token,
                "limit": limit,
                "most": most,
                "full": list(full),
                "lease": lease,
                "begun": is_begun,
            },
        )
        found = cursor.fetchall()
    return Claimed([(id, lost) for id, lost, _ in found], bool(found and found[0][2]))


def record(rows: Sequence[dict[str, Any]], *, deleted: str) -> Recorded:
    with connection.cursor() as cursor:
        cursor.execute(
            SETTLING["settle"],
            {
                "rows": orjson.dumps(rows).decode(),
                "deleted": deleted,
                "bounds": list(EndpointHour.LATENCY_BOUNDS_MS),
            },
        )
        *noteworthy, (_, _, count) = cursor.fetchall()
    return Recorded(count, {id: state for id, state, _ in noteworthy})


def write(events: Sequence[Event], deliveries: Sequence[NewDelivery]) -> None:
    endpoints = list(pending(deliveries))
    with prepared.cursor() as cursor:
        if endpoints:
            cursor.execute(WAKING["hold"], {"ids": endpoints})
            if ahead := clocks.ahead_of(cursor.fetchone()[0]):
                deliveries = due_earlier(deliveries, ahead)
        writing.write(events, deliveries)
        if endpoints:
            cursor.execute(WAKING["wake"], {"ids": endpoints})


def wake(endpoints: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(WAKING["hold"], {"ids": list(endpoints)})
        cursor.execute(WAKING["wake"], {"ids": list(endpoints)})


def notify() -> None:
    with connection.cursor() as cursor:
        cursor.execute(WAKING["notify"])


def put_idle_endpoints_to_sleep() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(WAKING["find_idle"])
        if ids := [id for (id,) in cursor.fetchall()]:
            cursor.execute(WAKING["put_to_sleep"], {"ids": ids})


def reconcile() -> None:
    with connection.cursor() as cursor:
        cursor.execute(WAKING["reconcile"])
