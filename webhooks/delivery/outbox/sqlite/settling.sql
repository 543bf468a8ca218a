-- Settlements, in a transaction of the caller. The rules are those of
-- ../postgresql/settling.sql.

-- name: settle
--
-- Writes the new states of deliveries that still carry the claim's token. The rows travel
-- as one JSON text.
WITH result AS MATERIALIZED (
    SELECT r.*, e.disabled_reason AS disabled_reason, s.deleted_at AS deleted_at,
           e.disabled_at AS disabled_at
    FROM (
        SELECT value ->> 0 AS id,
               value ->> 1 AS token,
               value ->> 2 AS endpoint,
               value ->> 3 AS state,
               value ->> 4 AS wait,
               value ->> 5 AS outcome,
               value ->> 6 AS status,
               value ->> 7 AS reason,
               value ->> 8 AS number
        FROM json_each(%(rows)s)
    ) AS r
    LEFT JOIN webhooks_endpoint AS e ON r.state = 'pending' AND e.id = r.endpoint
    LEFT JOIN webhooks_subscription AS s ON s.id = e.subscription_id
), ended AS MATERIALIZED (
    SELECT *, CASE WHEN state <> 'pending' THEN NULL
                   WHEN deleted_at IS NOT NULL THEN %(deleted)s
                   WHEN disabled_at IS NOT NULL THEN disabled_reason END AS why
    FROM result
)
UPDATE webhooks_delivery AS d
SET state = CASE WHEN why IS NULL THEN ended.state ELSE 'cancelled' END,
    attempts = COALESCE(ended.number, d.attempts),
    lane = CASE WHEN d.lane = $lane_fresh AND ended.number >= $late_from
        THEN $lane_late ELSE d.lane END,
    lost_claims = 0,
    claim_token = NULL,
    is_begun = FALSE,
    due_at = CASE WHEN ended.state = 'pending' AND why IS NULL
        THEN strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', wait || ' seconds') END,
    settled_at = CASE WHEN ended.state <> 'pending' OR why IS NOT NULL
        THEN $now END,
    last_outcome = ended.outcome,
    last_status = ended.status,
    reason = COALESCE(why, ended.reason)
FROM ended
WHERE d.id = ended.id AND d.claim_token = ended.token
RETURNING id, state, partner_id, endpoint_id

-- name: log
INSERT INTO webhooks_attempt (
    id, delivery_id, number, started_at, duration_ms, lookup_ms, connect_ms,
    outcome, status, request_headers, request_body, response_headers,
    response_body, error)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: count
--
-- Adds to the statistics of an endpoint's current hour.
INSERT INTO webhooks_endpointhour (
    endpoint_id, partner_id, hour, $hour_fields)
VALUES (%s, %s, strftime('%%Y-%%m-%%d %%H:00:00', 'now'),
        $hour_values)
ON CONFLICT (endpoint_id, hour) DO UPDATE SET
    $hour_sums

-- name: noteworthy
--
-- Those endpoints whose health a success changes too: it was failing, or never called.
SELECT id FROM webhooks_endpoint
WHERE id IN (SELECT value FROM json_each(%s))
  AND (consecutive_failures > 0 OR trips > 0 OR first_called_at IS NULL)
