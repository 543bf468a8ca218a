-- When endpoints are looked at. SQLite has one writer at a time, so nothing can be written
-- between looking for deliveries and putting an endpoint to sleep.

-- name: next_due
--
-- A part of other statements: the first moment at which an endpoint `e` can be sent
-- something; null when nothing waits, because that is what max() makes of a null. Behind a
-- delivery in order that is in hand the moment is now, as on PostgreSQL.
(
    SELECT max(min(due_at), COALESCE(e.open_until, '')) FROM (
        SELECT min(d.due_at) AS due_at FROM webhooks_delivery AS d
        WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.lane IN ($weighted_lanes)
        UNION ALL
        SELECT * FROM (
            SELECT CASE WHEN d.claim_token IS NULL THEN d.due_at
                        ELSE min(d.due_at, $now) END
            FROM webhooks_delivery AS d
            WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.lane = $lane_in_order
            ORDER BY d.id LIMIT 1)
    )
)

-- name: wake
--
-- Has claims look at these endpoints now.
UPDATE webhooks_endpoint SET next_due_at = max($now, COALESCE(open_until, ''))
WHERE id IN (SELECT value FROM json_each(%(ids)s)) AND disabled_at IS NULL
  AND (next_due_at IS NULL
       OR next_due_at > max($now, COALESCE(open_until, '')))

-- name: put_idle_to_sleep
--
-- Puts the endpoints to sleep that are awake and have nothing to send now.
UPDATE webhooks_endpoint AS e
SET next_due_at = $next_due
WHERE next_due_at <= $now AND disabled_at IS NULL
  AND COALESCE($next_due > $due, TRUE)

-- name: reconcile
--
-- Wakes endpoints that sleep although something is due, or sleep too long. `queued` steps
-- through the index of pending deliveries, one probe for each endpoint.
WITH RECURSIVE queued(id) AS (
    SELECT min(endpoint_id) FROM webhooks_delivery WHERE state = 'pending'
    UNION ALL
    SELECT (SELECT min(d.endpoint_id) FROM webhooks_delivery AS d
            WHERE d.state = 'pending' AND d.endpoint_id > queued.id)
    FROM queued WHERE queued.id IS NOT NULL
)
UPDATE webhooks_endpoint AS e
SET next_due_at = $next_due
WHERE id IN (SELECT id FROM queued)
  AND COALESCE(next_due_at > $now, TRUE)
  AND COALESCE(next_due_at > $next_due, TRUE)
