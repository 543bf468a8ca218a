"""More deliveries, by the million: copies of one of each endpoint."""

import uuid

import psycopg

# Ids grow like those of real rows, so that the indexes do too.
_ID = """(lpad(to_hex(%(first)s + n), 12, '0') || '7' || substr(md5(%(salt)s || n), 1, 3)
    || '8' || substr(md5(%(salt)s || n), 4, 15))::uuid"""
_EVENT = {"id": _ID, "idempotency_key": "NULL"}
_DELIVERY = {
    "id": _ID,
    "state": "'pending'",
    "attempts": "%(attempts)s",
    "lane": "%(attempts)s",
    "claim_token": "NULL",
    "is_begun": "false",
    "settled_at": "NULL",
    "last_outcome": "''",
    "last_status": "NULL",
    "due_at": "now() + make_interval(secs => %(due_in)s + n * 0.001)",
}


def grow(
    database: str,
    count: int,
    *,
    due_in: float = 0,
    attempts: int = 0,
    have_events: bool = True,
) -> None:
    """`count` more deliveries, in turn to the endpoints that have one; the first is due
    in so many seconds, the others a millisecond after each other. `attempts` 0 or 1.
    Without events of their own they are of those that are there, which takes half as long.
    """
    with psycopg.connect(database, autocommit=True) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM clock_timestamp())::bigint * 1000"
        ).fetchone()
        assert row is not None
        values = {
            "first": row[0],
            "count": count,
            "salt": uuid.uuid4().hex,
            "due_in": due_in,
            "attempts": attempts,
        }
        connection.execute("""
            CREATE TEMPORARY TABLE source AS
            SELECT d.*, row_number() OVER () - 1 AS position, count(*) OVER () AS sources
            FROM (SELECT DISTINCT ON (endpoint_id) * FROM webhooks_delivery) AS d
        """)
        # Foreign keys hold by themselves, and checking them takes a third of the time.
        connection.execute("SET session_replication_role = replica")
        if have_events:
            copied = [("webhooks_event", "e.id = source.event_id", _EVENT)]
            changed = _DELIVERY | {"event_id": _ID}
        else:
            copied, changed = [], _DELIVERY
        copied.append(("webhooks_delivery", "e.id = source.id", changed))
        for table, joined, changed in copied:
            connection.execute(_copy(connection, table, joined, changed), values)
        connection.execute("RESET session_replication_role")
        connection.execute("UPDATE webhooks_endpoint SET next_due_at = now()")
        connection.execute("VACUUM ANALYZE webhooks_delivery, webhooks_event")
        connection.execute("CHECKPOINT")  # what was grown is not written while measured


def _copy(
    connection: psycopg.Connection, table: str, joined: str, changed: dict[str, str]
) -> str:
    description = connection.execute(f"SELECT * FROM {table} LIMIT 0").description
    names = [column.name for column in description or ()]
    return f"""
        INSERT INTO {table} ({", ".join(names)})
        SELECT {", ".join(changed.get(name, f"e.{name}") for name in names)}
        FROM generate_series(1, %(count)s) AS n
        JOIN source ON source.position = n %% source.sources
        JOIN {table} AS e ON {joined}
    """
