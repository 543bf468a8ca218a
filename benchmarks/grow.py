"""More deliveries, by the million: copies of one that was published."""

import uuid

import psycopg

# Ids grow like those of real rows, so that the indexes do too.
_ID = """(lpad(to_hex(%(first)s + n), 12, '0') || '7' || substr(md5(%(salt)s || n), 1, 3)
    || '8' || substr(md5(%(salt)s || n), 4, 15))::uuid"""
_GROW = f"""
    WITH source AS (
        SELECT d.*, row_number() OVER () - 1 AS position, count(*) OVER () AS sources
        FROM (SELECT DISTINCT ON (endpoint_id) * FROM webhooks_delivery) AS d
    ), event AS (
        INSERT INTO webhooks_event
        SELECT (jsonb_populate_record(e, jsonb_build_object(
            'id', {_ID}, 'idempotency_key', NULL))).*
        FROM generate_series(1, %(count)s) AS n
        JOIN source ON source.position = n %% source.sources
        JOIN webhooks_event AS e ON e.id = source.event_id
    )
    INSERT INTO webhooks_delivery
    SELECT (jsonb_populate_record(d, jsonb_build_object(
        'id', {_ID}, 'event_id', {_ID}, 'state', 'pending', 'attempts', %(attempts)s,
        'lane', (%(attempts)s > 0)::int, 'claim_token', NULL, 'is_begun', false,
        'settled_at', NULL, 'last_outcome', '', 'last_status', NULL,
        'due_at', now() + make_interval(secs => %(due_in)s + n * 0.001)))).*
    FROM generate_series(1, %(count)s) AS n
    JOIN source ON source.position = n %% source.sources
    JOIN webhooks_delivery AS d ON d.id = source.id
"""


def grow(database: str, count: int, *, due_in: float = 0, attempts: int = 0) -> None:
    """`count` more deliveries, spread over the endpoints that have one; the first is due
    in so many seconds, the others a millisecond after each other."""
    with psycopg.connect(database, autocommit=True) as connection:
        first = connection.execute(
            "SELECT extract(epoch FROM clock_timestamp())::bigint * 1000"
        ).fetchone()
        assert first is not None
        connection.execute(
            _GROW,
            {
                "first": first[0],
                "count": count,
                "salt": uuid.uuid4().hex,
                "due_in": due_in,
                "attempts": attempts,
            },
        )
        connection.execute("UPDATE webhooks_endpoint SET next_due_at = now()")
        connection.execute("VACUUM ANALYZE webhooks_delivery, webhooks_event")
