"""The queue's statements for SQLite, which has one writer at a time.

Small queries cost next to nothing here, and a transaction excludes every other writer: what
is one statement on PostgreSQL is a few of them. Django keeps moments as text in UTC, and
UUIDs as 32 hex digits.
"""

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from webhooks.delivery.job import AttemptRecord, Settlement
from webhooks.delivery.outbox import statements
from webhooks.delivery.outbox.limits import EARLY, LANE_WEIGHTS, LEAST_SHARE, SHARES
from webhooks.delivery.outbox.new import NewDelivery, pending
from webhooks.delivery.outbox.rows import Claimed, Recorded
from webhooks.models import EndpointHour, Event
from webhooks.models.ids import time_ordered

from . import writing

_HERE = Path(__file__).parent
_CLOCK = {
    "now": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '0 seconds')",
    # It counts milliseconds and rounds them; a delivery due in this very one is due.
    "due": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '0.001 seconds')",
}
CLAIMING = statements.read(_HERE / "claiming.sql", **_CLOCK)
SETTLING = statements.read(
    _HERE / "settling.sql",
    **_CLOCK,
    hour_fields=", ".join(statements.HOUR_FIELDS),
    hour_values=", ".join(["%s"] * len(statements.HOUR_FIELDS)),
    hour_sums=statements.hour_sums("webhooks_endpointhour"),
)
WAKING = statements.read(_HERE / "waking.sql", **_CLOCK)


def claim(
    *,
    token: UUID,
    limit: int,
    most: int,
    full: Collection[UUID],
    lease: float,
    is_begun: bool,
) -> Claimed:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIMING["ready"], {"limit": limit, "full": _as_json(full)})
        ready = cursor.fetchall()
        if not ready:
            return Claimed([], has_more=False)
        share = min(most, max(LEAST_SHARE, SHARES * limit // len(ready)))
        turns: list[tuple[int, str]] = []
        allowed = {}
        for row in ready:
            endpoint, allowed[endpoint] = row[0], _allowed(cursor, row, share)
            turns += _queued(cursor, endpoint, allowed[endpoint], due=row[7])
        turns.sort(key=lambda turn: turn[0])
        cursor.execute(
            CLAIMING["claim"],
            {
                "token": token.hex,
                "begun": is_begun,
                "lease": lease,
                "ids": orjson.dumps([id for _, id in turns[:limit]]).decode(),
            },
        )
        claimed = cursor.fetchall()
        has_more = _note(cursor, ready, allowed, claimed, token, lease)
    return Claimed([(UUID(id), lost) for id, lost, _ in claimed], has_more)


def _allowed(cursor: Any, row: Sequence[Any], share: int) -> int:
    """How many an endpoint may be given; see `allowed` in the claim for PostgreSQL."""
    endpoint, trips, paced_until, is_ordered, in_flight, rate, now, due = row
    if trips:
        return 1
    if is_ordered:
        share = 1
    if in_flight is not None:
        cursor.execute(CLAIMING["in_flight"], {"endpoint": endpoint, "due": due})
        share = min(share, in_flight - cursor.fetchone()[0])
    if rate is not None:
        ahead = (_moment(paced_until) - _moment(now)).total_seconds()
        share = min(share, 1 + math.floor((EARLY - max(ahead, 0)) * rate / 60))
    return max(share, 0)


def _queued(
    cursor: Any, endpoint: str, most: int, *, due: str
) -> Iterable[tuple[int, str]]:
    """At most so many of an endpoint's deliveries, each with its turn."""
    turns = []
    about = {"endpoint": endpoint, "due": due, "most": most}
    for lane, weight in LANE_WEIGHTS.items():
        cursor.execute(CLAIMING["queued"], about | {"lane": lane})
        turns += [(weight * n, id) for n, (id,) in enumerate(cursor.fetchall(), 1)]
    cursor.execute(CLAIMING["first_in_order"], about)
    turns += [(1, id) for (id,) in cursor.fetchall()]
    return sorted(turns)[:most]


def _note(
    cursor: Any,
    ready: Sequence[Sequence[Any]],
    allowed: dict[str, int],
    claimed: Sequence[Sequence[Any]],
    token: UUID,
    lease: float,
) -> bool:
    """Write what a claim means for its endpoints; whether one of them had more."""
    has_more = False
    for endpoint, trips, paced_until, is_ordered, _, rate, now, _ in ready:
        taken = sum(row[2] == endpoint for row in claimed)
        if not taken:
            continue
        if trips:
            cursor.execute(
                CLAIMING["probe"],
                {"token": token.hex, "lease": lease, "endpoint": endpoint},
            )
        elif rate is not None:
            began = max(_moment(paced_until), _moment(now))
            until = began + timedelta(seconds=60 * taken / rate)
            early = max(until - timedelta(seconds=EARLY), _moment(now))
            cursor.execute(
                CLAIMING["pace"],
                {"until": str(until), "next": str(early), "endpoint": endpoint},
            )
        has_more |= taken >= allowed[endpoint] and not trips and not is_ordered
    return has_more


def record(settlements: Sequence[Settlement], *, deleted: str) -> Recorded:
    ids = [settlement.job.id.hex for settlement in settlements]
    with connection.cursor() as cursor:
        cursor.execute(
            SETTLING["settle"],
            {"rows": orjson.dumps(list(map(_row, settlements))).decode()}
            | {"deleted": deleted},
        )
        settled = {row[0]: row[1:] for row in cursor.fetchall()}
        written = [s for id, s in zip(ids, settlements, strict=True) if id in settled]
        attempts = [(s, s.attempt) for s in written if s.attempt is not None]
        cursor.executemany(SETTLING["log"], [_logged(s, a) for s, a in attempts])
        cursor.executemany(SETTLING["count"], _hours(attempts, settled))
        cursor.execute(
            SETTLING["noteworthy"], [_as_json({s.job.endpoint_id for s in settlements})]
        )
        noteworthy = {UUID(id) for (id,) in cursor.fetchall()}
    return Recorded(
        len(settled),
        {
            s.job.id: settled[s.job.id.hex][0]
            for s in written
            if s.outcome != "ok" or s.job.endpoint_id in noteworthy
        },
    )


def _row(settlement: Settlement) -> tuple[Any, ...]:
    job, attempt = settlement.job, settlement.attempt
    return (
        job.id.hex,
        job.token.hex,
        job.endpoint_id.hex,
        settlement.state.value,
        settlement.wait.total_seconds() if settlement.wait else 0.0,
        settlement.outcome,
        settlement.status,
        settlement.reason,
        attempt.number if attempt else None,
    )


def _logged(settlement: Settlement, attempt: AttemptRecord) -> tuple[Any, ...]:
    return (
        time_ordered().hex,
        settlement.job.id.hex,
        attempt.number,
        connection.ops.adapt_datetimefield_value(attempt.started_at),
        attempt.duration_ms,
        attempt.lookup_ms,
        attempt.connect_ms,
        settlement.outcome,
        settlement.status,
        orjson.dumps(attempt.request_headers).decode(),
        attempt.request_body,
        orjson.dumps(attempt.response_headers).decode(),
        attempt.response_body,
        attempt.error,
    )


def _hours(
    attempts: Iterable[tuple[Settlement, AttemptRecord]],
    settled: dict[Any, tuple[Any, ...]],
) -> list[tuple[Any, ...]]:
    counts: dict[tuple[str, str], list[int]] = {}
    for settlement, attempt in attempts:
        _, partner, endpoint = settled[settlement.job.id.hex]
        fields = [0] * len(statements.HOUR_FIELDS)
        count = counts.setdefault((endpoint, partner), fields)
        count[0 if settlement.outcome == "ok" else 1] += 1
        bucket = bisect_left(EndpointHour.LATENCY_BOUNDS_MS, attempt.duration_ms)
        count[2 + bucket] += 1
    return [(*key, *count) for key, count in counts.items()]


def write(events: Sequence[Event], deliveries: Sequence[NewDelivery]) -> None:
    writing.write(events, deliveries)
    if endpoints := pending(deliveries):
        wake(endpoints)


def wake(endpoints: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(WAKING["wake"], {"ids": _as_json(endpoints)})


def notify() -> None:
    """Nothing: whoever listens notices every commit."""


def put_idle_endpoints_to_sleep() -> None:
    with connection.cursor() as cursor:
        cursor.execute(WAKING["put_idle_to_sleep"], [])


def reconcile() -> None:
    with connection.cursor() as cursor:
        cursor.execute(WAKING["reconcile"], [])


def _as_json(ids: Iterable[UUID]) -> str:
    return orjson.dumps([id.hex for id in ids]).decode()


def _moment(text: str | None) -> datetime:
    """Of the queue's clock; a time that has never been is long ago."""
    return datetime.fromisoformat(text or "0001-01-01").replace(tzinfo=None)
