"""When endpoints are looked at."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection, transaction

# The first moment at which an endpoint `e` can be sent something; null when nothing is
# queued. What waits behind a delivery in order may be sent as soon as that one settles,
# and settling wakes nobody: while it is in hand, that moment is now.
_NEXT_DUE = """(
    SELECT GREATEST(queued.due_at, e.open_until) FROM (
        SELECT LEAST(
            (SELECT min(first.due_at) FROM unnest('{0,1,2}'::smallint[]) AS l(lane)
             CROSS JOIN LATERAL (
                 SELECT d.due_at FROM webhooks_delivery AS d
                 WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.lane = l.lane
                 ORDER BY d.due_at LIMIT 1) AS first),
            (SELECT CASE WHEN d.claim_token IS NULL THEN d.due_at
                         ELSE LEAST(d.due_at, now()) END
             FROM webhooks_delivery AS d
             WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.lane = 3
             ORDER BY d.id LIMIT 1)
        ) AS due_at
    ) AS queued WHERE queued.due_at IS NOT NULL
)"""

# An endpoint is looked at when its `next_due_at` has come, and one with nothing to send
# is put off. Between the two no row may be missed:
#
# - Whoever writes deliveries does so first and wakes their endpoints afterwards: takes
#   FOR KEY SHARE on each, as the foreign key would only at the commit, and looks at them
#   in a later statement.
# - Whoever puts an endpoint off takes FOR UPDATE on it first, which does not wait for
#   such a lock but skips the endpoint, and looks for rows in a later statement.
#
# So an endpoint is put off either before it is held, and then it is seen asleep and
# woken, or after the commit, and then its rows are seen. An endpoint that is awake
# already, as a busy one always is, costs no write.
_HOLD = """
    SELECT FROM webhooks_endpoint WHERE id = ANY(%(ids)s) ORDER BY id FOR KEY SHARE
"""
_WAKE = """
    WITH asleep AS (
        SELECT id FROM webhooks_endpoint
        WHERE id = ANY(%(ids)s) AND disabled_at IS NULL
          AND (next_due_at IS NULL OR next_due_at > GREATEST(now(), open_until))
        ORDER BY id
        FOR NO KEY UPDATE
    ), woken AS (
        UPDATE webhooks_endpoint AS e SET next_due_at = GREATEST(now(), e.open_until)
        FROM asleep WHERE e.id = asleep.id
        RETURNING e.id
    )
    SELECT pg_notify('webhooks_due', '') FROM woken LIMIT 1
"""

_AT_REST = f"""
    SELECT e.id FROM webhooks_endpoint AS e
    WHERE e.next_due_at <= now() AND e.disabled_at IS NULL
      AND COALESCE({_NEXT_DUE} > now(), TRUE)
    ORDER BY e.id LIMIT 1000
    FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants only
_PUT_OFF = f"""
    UPDATE webhooks_endpoint AS e SET next_due_at = {_NEXT_DUE}
    WHERE e.id = ANY(%(ids)s)
"""  # noqa: S608 - constants only

# The endpoints of the index of what waits, one probe each, however much that is.
_RECONCILE = f"""
    WITH RECURSIVE queued AS (
        (SELECT endpoint_id FROM webhooks_delivery WHERE state = 'pending'
         ORDER BY endpoint_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.endpoint_id FROM webhooks_delivery AS d
                WHERE d.state = 'pending' AND d.endpoint_id > queued.endpoint_id
                ORDER BY d.endpoint_id LIMIT 1)
        FROM queued WHERE queued.endpoint_id IS NOT NULL
    ), missed AS (
        SELECT e.id, {_NEXT_DUE} AS due_at
        FROM webhooks_endpoint AS e
        WHERE e.id IN (SELECT endpoint_id FROM queued)
          AND COALESCE(e.next_due_at > {_NEXT_DUE}, TRUE)
          AND (e.next_due_at IS NULL OR e.next_due_at > now())
        ORDER BY e.id
        FOR NO KEY UPDATE
    )
    UPDATE webhooks_endpoint AS e SET next_due_at = missed.due_at
    FROM missed WHERE e.id = missed.id
"""  # noqa: S608 - constants only


def wake(endpoints: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, {"ids": list(endpoints)})
        cursor.execute(_WAKE, {"ids": list(endpoints)})


def put_idle_endpoints_to_sleep() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_AT_REST)
        if ids := [id for (id,) in cursor.fetchall()]:
            cursor.execute(_PUT_OFF, {"ids": ids})


def reconcile() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RECONCILE)
