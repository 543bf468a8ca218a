"""Settlements: states, attempts and statistics."""

import base64
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from webhooks.delivery.outbox.rows import Recorded
from webhooks.models import EndpointHour

from .values import CLOCK, NOW

_RECORD = f"""
    WITH result AS MATERIALIZED (
        SELECT r.*, e.disabled_reason AS gone, s.deleted_at AS deleted_at,
               e.disabled_at AS disabled_at
        FROM (
            SELECT value ->> 'id' AS id,
                   value ->> 'token' AS token,
                   value ->> 'endpoint' AS endpoint,
                   value ->> 'state' AS state,
                   value ->> 'wait' AS wait,
                   value ->> 'outcome' AS outcome,
                   value ->> 'status' AS status,
                   value ->> 'reason' AS reason,
                   value ->> 'number' AS number
            FROM json_each(%(rows)s)
        ) AS r
        LEFT JOIN webhooks_endpoint AS e ON e.id = r.endpoint
        LEFT JOIN webhooks_subscription AS s ON s.id = e.subscription_id
    ), ended AS MATERIALIZED (
        SELECT *, CASE WHEN state <> 'pending' THEN NULL
                       WHEN deleted_at IS NOT NULL THEN %(deleted)s
                       WHEN disabled_at IS NOT NULL THEN gone END AS why
        FROM result
    )
    UPDATE webhooks_delivery AS d
    SET state = CASE WHEN why IS NULL THEN ended.state ELSE 'cancelled' END,
        attempts = COALESCE(ended.number, d.attempts),
        lane = CASE WHEN d.lane = 0 AND ended.number >= 2 THEN 1 ELSE d.lane END,
        lost_claims = 0,
        claim_token = NULL,
        is_begun = FALSE,
        due_at = CASE WHEN ended.state = 'pending' AND why IS NULL
            THEN {CLOCK.format(shift="wait || ' seconds'")} END,
        settled_at = CASE WHEN ended.state <> 'pending' OR why IS NOT NULL
            THEN {NOW} END,
        last_outcome = ended.outcome,
        last_status = ended.status,
        reason = COALESCE(why, ended.reason)
    FROM ended
    WHERE d.id = ended.id AND d.claim_token = ended.token
    RETURNING id, state, partner_id, endpoint_id
"""  # noqa: S608 - constants only

_LOG = """
    INSERT INTO webhooks_attempt (
        id, delivery_id, number, started_at, duration_ms, lookup_ms, connect_ms,
        outcome, status, request_headers, request_body, response_headers,
        response_body, error)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

_HOUR_FIELDS = ("delivered", "failed", *EndpointHour.LATENCY_FIELDS)
_COUNT = f"""
    INSERT INTO webhooks_endpointhour (
        endpoint_id, partner_id, hour, {", ".join(_HOUR_FIELDS)})
    VALUES (%s, %s, strftime('%%Y-%%m-%%d %%H:00:00', 'now'),
            {", ".join(["%s"] * len(_HOUR_FIELDS))})
    ON CONFLICT (endpoint_id, hour) DO UPDATE SET
        {", ".join(f"{name} = {name} + excluded.{name}" for name in _HOUR_FIELDS)}
"""  # noqa: S608 - constants only

_NOTEWORTHY = """
    SELECT id FROM webhooks_endpoint
    WHERE id IN (SELECT value FROM json_each(%s))
      AND (consecutive_failures > 0 OR trips > 0 OR first_called_at IS NULL)
"""


def record(rows: Sequence[dict[str, Any]], *, deleted: str) -> Recorded:
    # Django keeps UUIDs here as 32 hex digits.
    rows = [
        {k: v.hex if isinstance(v, UUID) else v for k, v in row.items()} for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD, {"rows": orjson.dumps(rows).decode(), "deleted": deleted}
        )
        settled = {row[0]: row[1:] for row in cursor.fetchall()}
        attempts = [r for r in rows if r["id"] in settled and "attempt" in r]
        cursor.executemany(_LOG, [_logged(row) for row in attempts])
        cursor.executemany(_COUNT, _hours(attempts, settled))
        cursor.execute(_NOTEWORTHY, [orjson.dumps([r["endpoint"] for r in rows])])
        noteworthy = {id for (id,) in cursor.fetchall()}
    return Recorded(
        len(settled),
        {
            UUID(row["id"]): settled[row["id"]][0]
            for row in rows
            if row["id"] in settled
            and (row["outcome"] != "ok" or row["endpoint"] in noteworthy)
        },
    )


def _logged(row: dict[str, Any]) -> tuple[Any, ...]:
    body = row["request_body"]
    return (
        row["attempt"],
        row["id"],
        row["number"],
        connection.ops.adapt_datetimefield_value(row["started_at"]),
        row["duration_ms"],
        row["lookup_ms"],
        row["connect_ms"],
        row["outcome"],
        row["status"],
        orjson.dumps(row["request_headers"]).decode(),
        None if body is None else base64.b64decode(body),
        orjson.dumps(row["response_headers"]).decode(),
        base64.b64decode(row["response_body"]),
        row["error"],
    )


def _hours(
    attempts: Sequence[dict[str, Any]], settled: dict[Any, tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    counts: dict[tuple[str, str], list[int]] = {}
    for row in attempts:
        _, partner, endpoint = settled[row["id"]]
        count = counts.setdefault((endpoint, partner), [0] * len(_HOUR_FIELDS))
        count[0 if row["outcome"] == "ok" else 1] += 1
        bucket = bisect_left(EndpointHour.LATENCY_BOUNDS_MS, row["duration_ms"])
        count[2 + bucket] += 1
    return [(*key, *count) for key, count in counts.items()]
