"""When endpoints are looked at."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from .values import DUE, NOW, as_json

# The first moment at which an endpoint `e` can be sent something; null when nothing is
# queued, because that is what max() makes of a null. Behind a delivery in order that is
# in hand the moment is now, as on PostgreSQL.
_NEXT_DUE = f"""(
    SELECT max(min(due_at), COALESCE(e.open_until, '')) FROM (
        SELECT min(d.due_at) AS due_at FROM webhooks_delivery AS d
        WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.lane IN (0, 1, 2)
        UNION ALL
        SELECT * FROM (
            SELECT CASE WHEN d.claim_token IS NULL THEN d.due_at
                        ELSE min(d.due_at, {NOW}) END
            FROM webhooks_delivery AS d
            WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.lane = 3
            ORDER BY d.id LIMIT 1)
    )
)"""  # noqa: S608 - constants only

_WAKE = f"""
    UPDATE webhooks_endpoint SET next_due_at = max({NOW}, COALESCE(open_until, ''))
    WHERE id IN (SELECT value FROM json_each(%(ids)s)) AND disabled_at IS NULL
      AND (next_due_at IS NULL
           OR next_due_at > max({NOW}, COALESCE(open_until, '')))
"""  # noqa: S608 - constants only

_REST = f"""
    UPDATE webhooks_endpoint AS e
    SET next_due_at = {_NEXT_DUE}
    WHERE next_due_at <= {NOW} AND disabled_at IS NULL
      AND COALESCE({_NEXT_DUE} > {DUE}, TRUE)
"""  # noqa: S608 - constants only

_RECONCILE = f"""
    WITH RECURSIVE queued(id) AS (
        SELECT min(endpoint_id) FROM webhooks_delivery WHERE state = 'pending'
        UNION ALL
        SELECT (SELECT min(d.endpoint_id) FROM webhooks_delivery AS d
                WHERE d.state = 'pending' AND d.endpoint_id > queued.id)
        FROM queued WHERE queued.id IS NOT NULL
    )
    UPDATE webhooks_endpoint AS e
    SET next_due_at = {_NEXT_DUE}
    WHERE id IN (SELECT id FROM queued)
      AND COALESCE(next_due_at > {NOW}, TRUE)
      AND COALESCE(next_due_at > {_NEXT_DUE}, TRUE)
"""  # noqa: S608 - constants only


def wake(endpoints: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_WAKE, {"ids": as_json(endpoints)})


def put_idle_endpoints_to_sleep() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_REST, [])


def reconcile() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RECONCILE, [])
