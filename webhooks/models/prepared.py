"""Statements that PostgreSQL reads and plans once for each connection, and not at every call.

They are written by hand, their text never varies, and whatever their values are, the same
index finds their rows: after five calls PostgreSQL may plan for values that it does not know, and
it keeps that plan until it has new statistics.
The statements of the ORM are not prepared. A plan for any state uses no index of one state,
and looks for a rare one as if it were a common one (docs/adr/0024-prepared-by-hand.md).
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.utils import CursorWrapper

AMONG = {
    "postgresql": "= ANY(%s)",
    "sqlite": "IN (SELECT value FROM json_each(%s))",
}
"""What follows a column in a statement for any number of its values, by kind of database; see
`among`."""


def among(values: Collection[UUID] | Collection[str]) -> Any:
    """Ids or texts as the parameter of AMONG."""
    if connection.vendor == "postgresql":
        return list(values)
    as_stored = [v.hex if isinstance(v, UUID) else v for v in values]
    return orjson.dumps(as_stored).decode()


def cursor() -> CursorWrapper:
    """A cursor whose statements are prepared when they are first executed.

    Each value is one parameter, beside the text: a list is `= ANY(%s)`, and where PostgreSQL
    cannot tell a type the text says it (`%s::uuid`). On SQLite, behind a pooler, and with
    DATABASE_PREPARED_STATEMENTS off it is the connection's usual cursor, which takes an `Array`
    (arrays.py), too. Raises what
    `connection.cursor()` raises.
    """
    database = connections[DEFAULT_DB_ALIAS]  # `connection` looks it up each time
    database.close_if_health_check_failed()
    database.ensure_connection()
    if database.vendor != "postgresql":
        return database.cursor()
    # Django's log of statements, for tests and runserver, reads the values in the text.
    if database.queries_logged or not getattr(database, "keeps_prepared", False):
        from . import arrays

        arrays.register(database.connection)
        return database.cursor()
    from .prepared_cursor import PreparedCursor

    cursor: Any = PreparedCursor(database.connection)
    return database.make_cursor(cursor)
