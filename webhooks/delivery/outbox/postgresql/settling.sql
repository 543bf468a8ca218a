-- name: settle
--
-- Writes results: the deliveries' new states, the attempts and the statistics. One
-- statement: atomic without a transaction around it, and one round trip. The results
-- travel as an array for each column.
WITH result AS MATERIALIZED (
    -- A retry is cancelled when its subscription was deleted during the attempt, or its
    -- endpoint disabled.
    SELECT r.*,
           CASE WHEN ended.why IS NULL THEN r.state ELSE 'cancelled' END AS next,
           COALESCE(ended.why, r.reason) AS why
    FROM unnest($columns) AS r($names)
    LEFT JOIN webhooks_endpoint AS e ON r.state = 'pending' AND e.id = r.endpoint
    LEFT JOIN webhooks_subscription AS s ON s.id = e.subscription_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN s.deleted_at IS NOT NULL THEN %(deleted)s::text
                    WHEN e.disabled_at IS NOT NULL THEN e.disabled_reason END AS why
    ) AS ended
), settled AS (
    -- The token: a worker that lost its lease changes nothing.
    UPDATE webhooks_delivery AS d
    SET state = result.next,
        attempts = COALESCE(result.number, d.attempts),
        lane = CASE WHEN d.lane = $lane_fresh AND result.number >= $late_from
            THEN $lane_late ELSE d.lane END,
        lost_claims = 0,
        claim_token = NULL,
        is_begun = FALSE,
        due_at = CASE WHEN next = 'pending'
            THEN now() + make_interval(secs => result.wait) END,
        settled_at = CASE WHEN next <> 'pending' THEN now() END,
        last_outcome = result.outcome,
        last_status = result.status,
        reason = result.why
    FROM result
    WHERE d.id = result.id AND d.claim_token = result.token
    RETURNING d.id, d.endpoint_id, d.partner_id, d.state
), logged AS (
    INSERT INTO webhooks_attempt (
        id, delivery_id, number, started_at, duration_ms, lookup_ms, connect_ms,
        outcome, status, request_headers, request_body, response_headers,
        response_body, error)
    SELECT attempt, id, number, started_at, duration_ms, lookup_ms, connect_ms,
           outcome, status, request_headers, request_body, response_headers,
           response_body, error
    FROM result JOIN settled USING (id)
    WHERE attempt IS NOT NULL
), counted AS (
    -- In one order for all, so that two settlements cannot deadlock.
    INSERT INTO webhooks_endpointhour AS h (
        endpoint_id, partner_id, hour, $hour_fields)
    SELECT settled.endpoint_id, settled.partner_id, date_trunc('hour', now()),
           count(*) FILTER (WHERE outcome = 'ok'),
           count(*) FILTER (WHERE outcome <> 'ok'),
           $latency_counts
    FROM result JOIN settled USING (id)
    WHERE attempt IS NOT NULL
    GROUP BY settled.endpoint_id, settled.partner_id
    ORDER BY settled.endpoint_id
    ON CONFLICT (endpoint_id, hour) DO UPDATE SET
        $hour_sums
)
-- What changes the health of an endpoint: failures, and successes of one that was failing
-- or was never called. The last row is the number of all that were written.
SELECT settled.id, settled.state, NULL
FROM settled JOIN result USING (id)
JOIN webhooks_endpoint AS e ON e.id = settled.endpoint_id
WHERE result.outcome <> 'ok' OR e.consecutive_failures > 0 OR e.trips > 0
   OR e.first_called_at IS NULL
UNION ALL SELECT NULL, NULL, count(*) FROM settled
