-- When endpoints are looked at.
--
-- An endpoint is looked at when its `next_due_at` has come, and one with nothing to send is
-- put to sleep. Between the two no delivery may be missed:
--
-- - Whoever writes deliveries takes FOR KEY SHARE on each endpoint (`hold`), which the foreign
--   key would take only at the commit, and looks at the endpoints in a later statement
--   (`wake`), after the deliveries are written.
-- - Whoever puts an endpoint to sleep takes FOR UPDATE on it first (`find_idle`), which does
--   not wait for such a lock but skips the endpoint, and looks for deliveries in a later
--   statement (`put_to_sleep`).
--
-- So an endpoint is put to sleep either before it is held, and then `wake` sees it asleep;
-- or after the commit, and then `put_to_sleep` sees the deliveries. An endpoint that is
-- awake already, as a busy one always is, costs no write.

-- name: next_due
--
-- A part of other statements: the first moment at which an endpoint `e` can be sent
-- something; null when nothing waits. What waits behind a delivery in order may be sent as
-- soon as that one settles, and settling wakes nobody: so while it is in hand, the moment
-- is now.
(
    SELECT GREATEST(queued.due_at, e.open_until) FROM (
        SELECT LEAST(
            (SELECT min(first.due_at) FROM unnest('{$weighted_lanes}'::smallint[]) AS l(lane)
             CROSS JOIN LATERAL (
                 SELECT d.due_at FROM webhooks_delivery AS d
                 WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.lane = l.lane
                 ORDER BY d.due_at LIMIT 1) AS first),
            (SELECT CASE WHEN d.claim_token IS NULL THEN d.due_at
                         ELSE LEAST(d.due_at, now()) END
             FROM webhooks_delivery AS d
             WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.lane = $lane_in_order
             ORDER BY d.id LIMIT 1)
        ) AS due_at
    ) AS queued WHERE queued.due_at IS NOT NULL
)

-- name: hold
--
-- Keeps these endpoints from being put to sleep until the transaction ends, and tells the
-- time. `count` so that all are locked before.
SELECT clock_timestamp(), count(*) FROM (
    SELECT FROM webhooks_endpoint WHERE id = ANY(%(ids)s) ORDER BY id FOR KEY SHARE
) AS held

-- name: wake
--
-- Has claims look at these endpoints now, and tells workers if one was asleep.
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

-- name: notify
SELECT pg_notify('webhooks_due', '')

-- name: find_idle
--
-- The endpoints that are awake and have nothing to send now.
SELECT e.id FROM webhooks_endpoint AS e
WHERE e.next_due_at <= now() AND e.disabled_at IS NULL
  AND COALESCE($next_due > now(), TRUE)
ORDER BY e.id LIMIT 1000
FOR UPDATE SKIP LOCKED

-- name: put_to_sleep
UPDATE webhooks_endpoint AS e SET next_due_at = $next_due
WHERE e.id = ANY(%(ids)s)

-- name: reconcile
--
-- Wakes endpoints that sleep although something is due, or sleep too long. `queued` steps
-- through the index of pending deliveries, one probe for each endpoint, however many
-- deliveries wait there.
WITH RECURSIVE queued AS (
    (SELECT endpoint_id FROM webhooks_delivery WHERE state = 'pending'
     ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.endpoint_id FROM webhooks_delivery AS d
            WHERE d.state = 'pending' AND d.endpoint_id > queued.endpoint_id
            ORDER BY d.endpoint_id LIMIT 1)
    FROM queued WHERE queued.endpoint_id IS NOT NULL
), missed AS (
    SELECT e.id, $next_due AS due_at
    FROM webhooks_endpoint AS e
    WHERE e.id IN (SELECT endpoint_id FROM queued)
      AND COALESCE(e.next_due_at > $next_due, TRUE)
      AND (e.next_due_at IS NULL OR e.next_due_at > now())
    ORDER BY e.id
    FOR NO KEY UPDATE
)
UPDATE webhooks_endpoint AS e SET next_due_at = missed.due_at
FROM missed WHERE e.id = missed.id
