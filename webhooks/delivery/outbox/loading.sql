-- What the attempts of claimed deliveries `d` need. Both databases use it: `$is_test` and
-- `$is_claimed` are written differently for each (loading.py).
--
-- Moments are read as text: the driver's own way of reading them is the slowest part of a
-- row. The body is what the first attempt sent, or what the delivery repeats.

-- name: columns
d.id, d.subscription_id, s.partner_id, s.public_id,
       s.deleted_at IS NOT NULL, s.max_in_flight,
       d.endpoint_id, d.url, d.profile, d.attempts,
       d.event_id, e.type, CAST(e.occurred_at AS text), e.data,
       $is_test,
       COALESCE(
           CASE WHEN d.attempts > 0 THEN (
               SELECT a.request_body FROM webhooks_attempt AS a
               WHERE a.delivery_id = d.id AND a.request_body IS NOT NULL
               ORDER BY a.number LIMIT 1) END,
           CASE WHEN d.redelivery_of IS NOT NULL AND NOT d.is_rerendered THEN (
               SELECT a.request_body FROM webhooks_attempt AS a
               WHERE a.delivery_id = d.redelivery_of AND a.request_body IS NOT NULL
               ORDER BY a.number LIMIT 1) END)

-- name: owners
JOIN webhooks_event AS e ON e.id = d.event_id
JOIN webhooks_subscription AS s ON s.id = d.subscription_id

-- name: load
SELECT $columns
FROM webhooks_delivery AS d $owners
WHERE d.claim_token = %(token)s AND $is_claimed

-- name: secrets
--
-- Those that sign now, oldest first.
SELECT subscription_id, id, value FROM webhooks_signingsecret
WHERE subscription_id $among AND (expires_at IS NULL OR expires_at > %s)
ORDER BY created_at, id
