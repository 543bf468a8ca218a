"""Claims: who is sent to next."""

import math
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from webhooks.delivery.outbox.rows import Claimed

from .values import CLOCK, DUE, NOW, as_json, moment

_READY = f"""
    SELECT e.id, e.trips, CAST(e.paced_until AS text),
           s.is_ordered, s.max_in_flight, s.rate_per_minute, {NOW}, {DUE}
    FROM webhooks_endpoint AS e
    JOIN webhooks_subscription AS s ON s.id = e.subscription_id
    WHERE e.next_due_at <= {DUE} AND e.disabled_at IS NULL
      AND e.id NOT IN (SELECT value FROM json_each(%(full)s))
      AND EXISTS (SELECT 1 FROM webhooks_delivery AS d
                  WHERE d.endpoint_id = e.id AND d.state = 'pending'
                    AND d.lane IN (0, 1, 2, 3) AND d.due_at <= {DUE})
    ORDER BY random() LIMIT %(limit)s
"""  # noqa: S608 - constants only

_QUEUED = """
    SELECT id FROM webhooks_delivery
    WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND lane = %(lane)s
      AND due_at <= %(due)s
    ORDER BY due_at LIMIT %(most)s
"""
_HEAD = """
    SELECT id FROM (
        SELECT id, due_at FROM webhooks_delivery
        WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND lane = 3
        ORDER BY id LIMIT 1
    ) WHERE due_at <= %(due)s
"""
_WEIGHTS = {0: 1, 1: 4, 2: 16}  # of the lanes, in turns

_IN_FLIGHT = """
    SELECT count(*) FROM webhooks_delivery
    WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND lane IN (0, 1, 2, 3)
      AND due_at > %(due)s AND claim_token IS NOT NULL
"""

# Leases of what may have killed its worker grow by chance, as on PostgreSQL.
_LEASE = CLOCK.format(
    shift="""(%(lease)s * (1 + (lost_claims + (claim_token IS NOT NULL AND is_begun))
                          * (abs(random()) %% 1000) / 1000.0)) || ' seconds'"""
)
_CLAIM = f"""
    UPDATE webhooks_delivery
    SET claim_token = %(token)s,
        is_begun = %(begun)s,
        lost_claims = lost_claims + (claim_token IS NOT NULL AND is_begun),
        due_at = {_LEASE}
    WHERE id IN (SELECT value FROM json_each(%(ids)s))
    RETURNING id, lost_claims, endpoint_id
"""  # noqa: S608 - constants only

_PROBE = f"""
    UPDATE webhooks_endpoint
    SET probe_token = %(token)s,
        open_until = {CLOCK.format(shift="%(lease)s || ' seconds'")},
        next_due_at = {CLOCK.format(shift="%(lease)s || ' seconds'")}
    WHERE id = %(endpoint)s
"""  # noqa: S608 - constants only
_PACE = """
    UPDATE webhooks_endpoint SET paced_until = %(until)s, next_due_at = %(next)s
    WHERE id = %(endpoint)s
"""


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
        cursor.execute(_READY, {"limit": limit, "full": as_json(full)})
        ready = cursor.fetchall()
        if not ready:
            return Claimed([], has_more=False)
        share = min(most, max(16, 4 * limit // len(ready)))
        turns: list[tuple[int, str]] = []
        allowed = {}
        for row in ready:
            endpoint, allowed[endpoint] = row[0], _allowed(cursor, row, share)
            turns += _queued(cursor, endpoint, allowed[endpoint], due=row[7])
        turns.sort(key=lambda turn: turn[0])
        cursor.execute(
            _CLAIM,
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
    """How many an endpoint may be given; see the claim for PostgreSQL."""
    endpoint, trips, paced_until, is_ordered, in_flight, rate, now, due = row
    if trips:
        return 1
    if is_ordered:
        share = 1
    if in_flight is not None:
        cursor.execute(_IN_FLIGHT, {"endpoint": endpoint, "due": due})
        share = min(share, in_flight - cursor.fetchone()[0])
    if rate is not None:
        ahead = (moment(paced_until) - moment(now)).total_seconds()
        share = min(share, 1 + math.floor((0.5 - max(ahead, 0)) * rate / 60))
    return max(share, 0)


def _queued(
    cursor: Any, endpoint: str, most: int, *, due: str
) -> Iterable[tuple[int, str]]:
    """At most so many of an endpoint's deliveries, each with its turn."""
    turns = []
    about = {"endpoint": endpoint, "due": due, "most": most}
    for lane, weight in _WEIGHTS.items():
        cursor.execute(_QUEUED, about | {"lane": lane})
        turns += [(weight * n, id) for n, (id,) in enumerate(cursor.fetchall(), 1)]
    cursor.execute(_HEAD, about)
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
                _PROBE, {"token": token.hex, "lease": lease, "endpoint": endpoint}
            )
        elif rate is not None:
            began = max(moment(paced_until), moment(now))
            until = began + timedelta(seconds=60 * taken / rate)
            early = max(until - timedelta(seconds=0.5), moment(now))
            cursor.execute(
                _PACE, {"until": str(until), "next": str(early), "endpoint": endpoint}
            )
        has_more |= taken >= allowed[endpoint] and not trips and not is_ordered
    return has_more
