"""The queue's statements for PostgreSQL.

A claim and a settlement are one statement each: atomic without a transaction around it,
and one round trip.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from webhooks.delivery.job import Settlement
from webhooks.delivery.outbox import clocks, loading, statements
from webhooks.delivery.outbox.new import NewDelivery, due_earlier, pending
from webhooks.delivery.outbox.rows import Claimed, Recorded
from webhooks.models import EndpointHour, Event, prepared
from webhooks.models.arrays import ints

from . import columns, writing

_HERE = Path(__file__).parent
CLAIMING = statements.read(
    _HERE / "claiming.sql",
    job_columns=loading.POSTGRESQL["columns"],
    job_owners=loading.POSTGRESQL["owners"],
)
SETTLING = statements.read(
    _HERE / "settling.sql",
    columns=", ".join(f"%({name})s" for name in columns.NAMES),
    names=", ".join(columns.NAMES),
    hour_fields=", ".join(statements.HOUR_FIELDS),
    hour_sums=statements.hour_sums("h"),
    latency_counts=", ".join(
        f"count(*) FILTER (WHERE width_bucket(duration_ms - 1, %(bounds)s) = {number})"
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
    # What is only reserved is loaded by another process.
    with prepared.cursor() as cursor:
        cursor.execute(
            CLAIMING["claim" if is_begun else "reserve"],
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
    return Claimed(
        [(row[0], row[-2]) for row in found],
        bool(found and found[0][-1]),
        [row[:-2] for row in found] if is_begun else None,
    )


def record(settlements: Sequence[Settlement], *, deleted: str) -> Recorded:
    values: dict[str, Any] = {
        **columns.of(settlements),
        "deleted": deleted,
        "bounds": ints(EndpointHour.LATENCY_BOUNDS_MS),
    }
    with connection.cursor() as cursor:
        # A plan that was made for few deliveries is kept, and would read all of them when
        # there are many, until PostgreSQL has new statistics. Each is found by its id.
        cursor.execute("SET LOCAL enable_seqscan = off")
    with prepared.cursor() as cursor:
        cursor.execute(SETTLING["settle"], values)
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
