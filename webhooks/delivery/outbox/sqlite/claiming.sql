-- Claims: who is sent to next. The rules are those of ../postgresql/claiming.sql. SQLite has
-- one writer at a time, so a few small statements in a transaction do the same as one
-- large one.

-- name: ready
--
-- The endpoints that have something due, with what limits them.
SELECT e.id, e.trips, CAST(e.paced_until AS text),
       s.is_ordered, s.max_in_flight, s.rate_per_minute, $now, $due
FROM webhooks_endpoint AS e
JOIN webhooks_subscription AS s ON s.id = e.subscription_id
WHERE e.next_due_at <= $due AND e.disabled_at IS NULL
  AND e.id NOT IN (SELECT value FROM json_each(%(full)s))
  AND EXISTS (SELECT 1 FROM webhooks_delivery AS d
              WHERE d.endpoint_id = e.id AND d.state = 'pending'
                AND d.lane IN ($all_lanes) AND d.due_at <= $due)
ORDER BY random() LIMIT %(limit)s

-- name: in_flight
--
-- How many deliveries of an endpoint are claimed.
SELECT count(*) FROM webhooks_delivery
WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND lane IN ($all_lanes)
  AND due_at > %(due)s AND claim_token IS NOT NULL

-- name: queued
--
-- The due deliveries of an endpoint in one of the weighted lanes.
SELECT id FROM webhooks_delivery
WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND lane = %(lane)s
  AND due_at <= %(due)s
ORDER BY due_at LIMIT %(most)s

-- name: first_in_order
--
-- The first delivery of the lane in order, if it is due.
SELECT id FROM (
    SELECT id, due_at FROM webhooks_delivery
    WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND lane = $lane_in_order
    ORDER BY id LIMIT 1
) WHERE due_at <= %(due)s

-- name: claim
--
-- Claims these deliveries. One that was begun before and never settled has lost a claim,
-- and its leases grow by chance.
UPDATE webhooks_delivery
SET claim_token = %(token)s,
    is_begun = %(begun)s,
    lost_claims = lost_claims + (claim_token IS NOT NULL AND is_begun),
    due_at = strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', (%(lease)s
        * (1 + (lost_claims + (claim_token IS NOT NULL AND is_begun))
               * (abs(random()) %% 1000) / 1000.0)) || ' seconds')
WHERE id IN (SELECT value FROM json_each(%(ids)s))
RETURNING id, lost_claims, endpoint_id

-- name: probe
--
-- Notes that a probe is in hand, until its lease ends.
UPDATE webhooks_endpoint
SET probe_token = %(token)s,
    open_until = strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %(lease)s || ' seconds'),
    next_due_at = strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %(lease)s || ' seconds')
WHERE id = %(endpoint)s

-- name: pace
--
-- Notes how many turns of its rate an endpoint has used.
UPDATE webhooks_endpoint SET paced_until = %(until)s, next_due_at = %(next)s
WHERE id = %(endpoint)s
