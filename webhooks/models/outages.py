"""Which errors say that the database is away or busy, and not that a statement is wrong.

After such an error the same request may succeed a moment later. PostgreSQL says it by its
SQLSTATE, SQLite by its result code. The exception's class is not enough: SQLite raises
OperationalError for a table that does not exist, too.
"""

import sqlite3
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, OperationalError, connections

_CLASSES = frozenset(
    {
        "08",  # connection exceptions
        "53",  # no disk, no memory, too many connections
        "58",  # errors of the system below it
    }
)
_STATES = frozenset(
    {
        "25006",  # read-only: a standby, or a server in recovery
        "25P03",  # the transaction was idle for too long
        "40001",  # serialization failure
        "40P01",  # deadlock
        "55P03",  # a lock was not free in time
        "57014",  # the statement took too long
        "57P01",  # the connection was terminated
        "57P02",  # the server crashed
        "57P03",  # the server starts or stops
        "57P05",  # the session was idle for too long
    }
)
_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


class Unavailable(Exception):
    """The kind of refusal that callers are given for an outage."""

    wait = 5  # seconds after which asking again may help


def is_outage(error: BaseException | None) -> bool:
    """Whether the database failed, or was busy for too long."""
    if not isinstance(error, Error):
        return False
    cause = error.__cause__
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in _SQLITE  # the bits above are details
    if state := getattr(cause, "sqlstate", None):
        return state in _STATES or state[:2] in _CLASSES
    # Without either: there is no connection that could have said one.
    return isinstance(error, OperationalError)


def has_lost_connection() -> bool:
    """Whether a connection to PostgreSQL broke under a statement since this was last asked."""
    found: Any = connections[DEFAULT_DB_ALIAS]  # `connection` looks it up each time
    if found.vendor != "postgresql":
        return False
    if found.connection is not None and found.connection.broken:
        found.close()
    has_lost, found.has_lost = found.has_lost, False
    return bool(has_lost)
