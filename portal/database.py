"""The database: DATABASE_URL, and how the portal uses each kind."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ

from .passwords import options, parse_url
from .private_files import PrivateConnection

SQLITE = "django.db.backends.sqlite3"
_IN_THE_URL = frozenset({"user", "password", "host", "port", "dbname"})
POSTGRESQL = "portal.postgresql"
_SCHEMES = ("postgres", "postgresql", "psql", "pgsql")


def parse(text: str) -> dict[str, Any]:
    """The entry of Django's DATABASES for a URL."""
    scheme = text.partition("://")[0]
    if scheme == "sqlite":
        return _sqlite(text)
    if scheme not in _SCHEMES:
        raise ValueError(
            "it must be sqlite:///path or postgres://user:password@host:port/name"
        )
    if find_spec("psycopg") is None:
        raise ValueError("PostgreSQL needs the extra postgres to be installed")
    found = parse_url(environ.Env.db_url_config, text)
    if not found["NAME"]:
        raise ValueError("it must end with the name of a database: …host:port/name")
    _check_options(text)
    found["ENGINE"] = POSTGRESQL
    found.setdefault("CONN_MAX_AGE", 600)
    found["CONN_HEALTH_CHECKS"] = True  # they take no statement: portal/postgresql/
    of_session = found.setdefault("OPTIONS", {})
    # A process can freeze in the middle of a transaction, or its host can disappear. Without
    # this limit it would hold its locks for hours, until TCP gives up, and every worker would
    # wait for one row. 30 seconds are enough for every transaction of ours and much shorter
    # than a lease. `?options=` in the URL replaces this.
    # jit: PostgreSQL would compile the long statement of a claim at each execution, for 0.3
    # seconds, where it expects many rows. None of ours runs long enough to win by it.
    of_session.setdefault(
        "options", "-c idle_in_transaction_session_timeout=30s -c jit=off"
    )
    # Notices a database that does not answer within seconds instead of minutes.
    of_session.setdefault("connect_timeout", 5)
    # An idle connection is not forgotten by what is on the way, such as a firewall, and the end
    # of one whose server vanished is noticed within a minute, under a statement within 20
    # seconds. The system's own defaults are hours, and a quarter of one.
    of_session.setdefault("keepalives_idle", 30)
    of_session.setdefault("keepalives_interval", 10)
    of_session.setdefault("keepalives_count", 3)
    of_session.setdefault("tcp_user_timeout", 20_000)  # milliseconds
    return found


def _check_options(url: str) -> None:
    """Raises ValueError: a slip in `?sslmode=` is not to open a connection without TLS."""
    from psycopg.pq import Conninfo

    known = {each.keyword.decode() for each in Conninfo.get_defaults()} - _IN_THE_URL
    for name, value in options(url):
        if name.lower() == "conn_max_age":
            if not (value.isascii() and value.isdecimal()):
                raise ValueError("it must have whole seconds as conn_max_age")
        elif name not in known:
            raise ValueError("it must have options of PostgreSQL and conn_max_age only")


def _sqlite(text: str) -> dict[str, Any]:
    path, mark, _ = text.removeprefix("sqlite://").partition("?")
    if mark:
        raise ValueError("it must have no options, and %3F for a ? in its path")
    if path != ":memory:" and not path.removeprefix("/"):
        raise ValueError("it must name a file: sqlite:///path")
    if path != ":memory:" and not path.startswith("/"):
        raise ValueError(
            "it must be sqlite:///path, with a fourth slash if the path is absolute"
        )
    # In the URL of a file these have no meaning of their own.
    path = path.replace("#", "%23").replace("+", "%2B")
    return file(environ.Env.db_url_config(f"sqlite://{path}")["NAME"])


def file(path: Path | str) -> dict[str, Any]:
    """The entry for a file, whose path may have characters that a URL may not."""
    return {"ENGINE": SQLITE, "NAME": str(path), "OPTIONS": _pragmas()}


def _pragmas() -> dict[str, Any]:
    return {
        # A transaction that reads first and writes later can only wait for the write
        # lock if it asks for the lock at its start.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: an event that was answered with 202 survives a power failure.
        "factory": PrivateConnection,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
