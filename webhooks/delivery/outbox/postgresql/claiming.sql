-- name: claiming
--
-- A part of both claims, which takes due deliveries, endpoint by endpoint, and notes what that
-- means for the endpoints. One statement, so one round trip.
WITH ready AS (
    -- The endpoints that have something due. They are locked, so that two claims at once
    -- take different ones; so a limit per endpoint needs no more than a count.
    SELECT e.id, e.trips, e.paced_until,
           s.is_ordered, s.max_in_flight, s.rate_per_minute
    FROM webhooks_endpoint AS e
    JOIN webhooks_subscription AS s ON s.id = e.subscription_id
    CROSS JOIN LATERAL (
        SELECT 1 FROM webhooks_delivery AS d
        WHERE d.endpoint_id = e.id AND d.state = 'pending'
          AND d.lane = ANY('{$all_lanes}'::smallint[]) AND d.due_at <= now()
        LIMIT 1
    ) AS one
    WHERE e.next_due_at <= now() AND e.disabled_at IS NULL
      AND NOT e.id = ANY(%(full)s)
    ORDER BY random() LIMIT %(limit)s
    FOR NO KEY UPDATE OF e SKIP LOCKED
), allowed AS (
    -- How many each of them may be given: one probe while its breaker is open (trips), one
    -- if it is in order, otherwise its share of the claim, within its own limits.
    -- The rate is kept as in GCRA: `paced_until` is when the next request would be due if
    -- requests were evenly spaced, and a request may go $early s early.
    SELECT id, trips, is_ordered, rate_per_minute, paced_until,
           GREATEST(0, CASE WHEN trips > 0 THEN 1 ELSE LEAST(
               CASE WHEN is_ordered THEN 1 END,
               %(most)s,
               GREATEST($least_share, $shares * %(limit)s / (SELECT count(*) FROM ready)),
               max_in_flight - (
                   SELECT count(*) FROM webhooks_delivery AS d
                   WHERE max_in_flight IS NOT NULL
                     AND d.endpoint_id = ready.id AND d.state = 'pending'
                     AND d.lane = ANY('{$all_lanes}'::smallint[])
                     AND d.due_at > now() AND d.claim_token IS NOT NULL),
               1 + floor(extract(epoch FROM
                   now() + interval '$early seconds' - GREATEST(paced_until, now())
               ) * rate_per_minute / 60)
           ) END)::int AS most
    FROM ready
), picked AS MATERIALIZED (
    -- The deliveries to claim, by turns: each endpoint's first, then its second, and so on.
    -- Within an endpoint the nth of a lane has the turn n times the lane's weight. The lane in
    -- order gives its first delivery only, and only when that one is due. Without ROWS all
    -- that are due at the same moment would be read to number the first.
    SELECT mine.id FROM allowed CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT id, turn
            FROM (VALUES $lane_weights) AS l (lane, weight)
            CROSS JOIN LATERAL (
                SELECT d.id, row_number() OVER (
                    ORDER BY d.due_at ROWS UNBOUNDED PRECEDING
                ) * l.weight AS turn
                FROM webhooks_delivery AS d
                WHERE d.endpoint_id = allowed.id AND d.state = 'pending'
                  AND d.lane = l.lane AND d.due_at <= now()
                ORDER BY d.due_at LIMIT allowed.most
            ) AS own
            UNION ALL (
                SELECT id, 1 FROM (
                    SELECT d.id, d.due_at FROM webhooks_delivery AS d
                    WHERE d.endpoint_id = allowed.id AND d.state = 'pending'
                      AND d.lane = $lane_in_order
                    ORDER BY d.id LIMIT 1
                ) AS head WHERE due_at <= now()
            )
        ) AS each ORDER BY turn LIMIT allowed.most
    ) AS mine
    ORDER BY turn LIMIT %(limit)s
), due AS MATERIALIZED (
    -- Those that no other claim has taken meanwhile. One that was begun before and never
    -- settled has lost a claim. Each is found by its id: without statistics PostgreSQL
    -- would rather read all that is due.
    SELECT d.id, d.lost_claims + (d.claim_token IS NOT NULL AND d.is_begun)::int AS lost
    FROM picked CROSS JOIN LATERAL (
        SELECT * FROM webhooks_delivery WHERE id = picked.id
        LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS d
    WHERE d.state = 'pending' AND d.due_at <= now()
), claimed AS (
    -- A delivery that has lost claims may be what killed its workers. Its leases grow by
    -- chance, so that deliveries that were lost beside it part from it.
    UPDATE webhooks_delivery AS d
    SET claim_token = %(token)s,
        is_begun = %(begun)s,
        lost_claims = due.lost,
        due_at = now()
            + make_interval(secs => %(lease)s * (1 + due.lost * random()))
    FROM due
    WHERE d.id = due.id
    RETURNING d.*
), taken AS (
    SELECT endpoint_id, count(*) AS count FROM claimed GROUP BY endpoint_id
), noted AS (
    -- A probe is in hand until its lease ends; a rate has used as many turns as were taken.
    UPDATE webhooks_endpoint AS e
    SET probe_token = CASE WHEN e.trips > 0 THEN %(token)s ELSE e.probe_token END,
        open_until = CASE WHEN e.trips > 0
            THEN now() + make_interval(secs => %(lease)s) ELSE e.open_until END,
        paced_until = paced.until,
        next_due_at = CASE WHEN e.trips > 0
            THEN now() + make_interval(secs => %(lease)s)
            ELSE GREATEST(now(), paced.until - interval '$early seconds') END
    FROM taken JOIN allowed ON id = endpoint_id
    CROSS JOIN LATERAL (
        SELECT GREATEST(allowed.paced_until, now())
            + taken.count * interval '1 minute' / allowed.rate_per_minute AS until
    ) AS paced
    WHERE e.id = allowed.id
      AND (allowed.trips > 0 OR allowed.rate_per_minute IS NOT NULL)
)

-- name: has_more
--
-- A part of both: whether an endpoint had more that was due than it was given.
EXISTS (
    SELECT FROM taken JOIN allowed ON id = endpoint_id
    WHERE count >= most AND trips = 0 AND NOT is_ordered)

-- name: reserve
$claiming SELECT id, lost_claims, $has_more FROM claimed

-- name: claim
--
-- With what the attempts need, so that nobody looks for the same rows again.
$claiming SELECT $job_columns, d.lost_claims, $has_more FROM claimed AS d $job_owners
