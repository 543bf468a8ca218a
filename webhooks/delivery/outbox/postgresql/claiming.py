"""Claims: who is sent to next."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from webhooks.delivery.outbox.rows import Claimed

from .text import one_line

_QUEUED_AT = """
    SELECT d.id, row_number() OVER (ORDER BY d.due_at) * {weight} AS turn
    FROM webhooks_delivery AS d
    WHERE d.endpoint_id = allowed.id AND d.state = 'pending' AND d.lane = {lane}
      AND d.due_at <= now()
    ORDER BY d.due_at LIMIT allowed.most
"""

# In turn: every endpoint that has something due, and at each the lanes by their weight.
# - `ready` locks the endpoints, so that two claims at once take different ones; a limit
#   per endpoint then needs no more than a count.
# - A probe (trips > 0) and an endpoint in order have room for one.
# - A rate is kept as in GCRA: `paced_until` is when the next request would have its turn
#   if requests were evenly spaced, and half a second's worth may go early.
# - A row that was begun before and never settled may be what killed its worker. Its
#   leases grow by chance, so that the rows that were lost beside it part from it.
_CLAIM = one_line(f"""
    WITH ready AS MATERIALIZED (
        SELECT e.id, e.trips, e.paced_until,
               s.is_ordered, s.max_in_flight, s.rate_per_minute
        FROM webhooks_endpoint AS e
        JOIN webhooks_subscription AS s ON s.id = e.subscription_id
        CROSS JOIN LATERAL (
            SELECT 1 FROM webhooks_delivery AS d
            WHERE d.endpoint_id = e.id AND d.state = 'pending'
              AND d.lane = ANY('{{0,1,2,3}}'::smallint[]) AND d.due_at <= now()
            LIMIT 1
        ) AS something
        WHERE e.next_due_at <= now() AND e.disabled_at IS NULL
          AND NOT e.id = ANY(%(full)s)
        ORDER BY random() LIMIT %(limit)s
        FOR NO KEY UPDATE OF e SKIP LOCKED
    ), allowed AS MATERIALIZED (
        SELECT id, trips, is_ordered, rate_per_minute, paced_until,
               GREATEST(0, CASE WHEN trips > 0 THEN 1 ELSE LEAST(
                   CASE WHEN is_ordered THEN 1 END,
                   %(most)s,
                   GREATEST(16, 4 * %(limit)s / (SELECT count(*) FROM ready)),
                   max_in_flight - (
                       SELECT count(*) FROM webhooks_delivery AS d
                       WHERE max_in_flight IS NOT NULL
                         AND d.endpoint_id = ready.id AND d.state = 'pending'
                         AND d.lane = ANY('{{0,1,2,3}}'::smallint[])
                         AND d.due_at > now() AND d.claim_token IS NOT NULL),
                   1 + floor(extract(epoch FROM
                       now() + interval '0.5 seconds' - GREATEST(paced_until, now())
                   ) * rate_per_minute / 60)
               ) END)::int AS most
        FROM ready
    ), picked AS MATERIALIZED (
        SELECT mine.id FROM allowed CROSS JOIN LATERAL (
            SELECT * FROM (
                ({_QUEUED_AT.format(lane=0, weight=1)})
                UNION ALL ({_QUEUED_AT.format(lane=1, weight=4)})
                UNION ALL ({_QUEUED_AT.format(lane=2, weight=16)})
                UNION ALL (
                    SELECT head.id, 1 FROM (
                        SELECT d.id, d.due_at FROM webhooks_delivery AS d
                        WHERE d.endpoint_id = allowed.id AND d.state = 'pending'
                          AND d.lane = 3
                        ORDER BY d.id LIMIT 1
                    ) AS head WHERE head.due_at <= now()
                )
            ) AS queued ORDER BY turn LIMIT allowed.most
        ) AS mine
        ORDER BY mine.turn LIMIT %(limit)s
    ), due AS MATERIALIZED (
        SELECT d.id, d.lost_claims + (d.claim_token IS NOT NULL AND d.is_begun)::int
                     AS lost
        FROM webhooks_delivery AS d JOIN picked ON picked.id = d.id
        WHERE d.state = 'pending' AND d.due_at <= now()
        FOR UPDATE OF d SKIP LOCKED
    ), claimed AS (
        UPDATE webhooks_delivery AS d
        SET claim_token = %(token)s,
            is_begun = %(begun)s,
            lost_claims = due.lost,
            due_at = now()
                + make_interval(secs => %(lease)s * (1 + due.lost * random()))
        FROM due
        WHERE d.id = due.id
        RETURNING d.id, d.endpoint_id, d.lost_claims
    ), taken AS (
        SELECT endpoint_id, count(*) AS count FROM claimed GROUP BY endpoint_id
    ), noted AS (
        UPDATE webhooks_endpoint AS e
        SET probe_token = CASE WHEN e.trips > 0 THEN %(token)s ELSE e.probe_token END,
            open_until = CASE WHEN e.trips > 0
                THEN now() + make_interval(secs => %(lease)s) ELSE e.open_until END,
            paced_until = paced.until,
            next_due_at = CASE WHEN e.trips > 0
                THEN now() + make_interval(secs => %(lease)s)
                ELSE GREATEST(now(), paced.until - interval '0.5 seconds') END
        FROM taken JOIN allowed ON allowed.id = taken.endpoint_id
        CROSS JOIN LATERAL (
            SELECT GREATEST(allowed.paced_until, now())
                + taken.count * interval '60 seconds' / allowed.rate_per_minute AS until
        ) AS paced
        WHERE e.id = allowed.id
          AND (allowed.trips > 0 OR allowed.rate_per_minute IS NOT NULL)
    )
    SELECT claimed.id, claimed.lost_claims, (
        SELECT bool_or(taken.count >= allowed.most
                       AND allowed.trips = 0 AND NOT allowed.is_ordered)
        FROM taken JOIN allowed ON allowed.id = taken.endpoint_id)
    FROM claimed
""")  # noqa: S608 - constants only


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
            _CLAIM,
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
