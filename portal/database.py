"""The database: DATABASE_URL, and how the portal uses each kind."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ

from .passwords import parse_url
from .private_files import PrivateConnection

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = ("postgres", "postgresql", "psql", "pgsql")  # schemes


def parse(text: str) -> dict[str, Any]:
    """The entry of Django's DATABASES for a URL."""
    scheme = text.partition("://")[0]
    if scheme == "sqlite":
        return _sqlite(text)
    if scheme not in POSTGRESQL:
        raise ValueError(
            "it must be sqlite:///path or postgres://user:password@host:port/name"
        )
    if find_spec("psycopg") is None:
        raise ValueError("PostgreSQL needs the extra postgres to be installed")
    found = parse_url(environ.Env.db_url_config, text)
    if not found["NAME"]:
        raise ValueError("it must end with the name of a database: …host:port/name")
    found.setdefault("CONN_MAX_AGE", 600)
    found["CONN_HEALTH_CHECKS"] = True
    options = found.setdefault("OPTIONS", {})
    # A process can freeze in the middle of a transaction, or its host can disappear. Without
    # this limit it would hold its locks for hours, until TCP gives up, and every worker would
    # wait for one row. 30 seconds are enough for every transaction of ours and much shorter
    # than a lease. `?options=` in the URL replaces this.
    options.setdefault("options", "-c idle_in_transaction_session_timeout=30s")
    # Notices a database that does not answer within seconds instead of minutes.
    options.setdefault("connect_timeout", 5)
    return found


def _sqlite(text: str) -> dict[str, Any]:
    path, mark, options = text.removeprefix("sqlite://").partition("?")
    if path and path != ":memory:" and not path.startswith("/"):
        raise ValueError(
            "it must be sqlite:///path, with a fourth slash if the path is absolute"
        )
    # In the URL of a file these have no meaning of their own.
    path = path.replace("#", "%23").replace("+", "%2B")
    found = environ.Env.db_url_config(f"sqlite://{path}{mark}{options}")
    return {**file(found["NAME"]), **found, "OPTIONS": _pragmas(found.get("OPTIONS"))}


def file(path: Path | str) -> dict[str, Any]:
    """The entry for a file, whose path may have characters that a URL may not."""
    return {"ENGINE": SQLITE, "NAME": str(path), "OPTIONS": _pragmas(None)}


def _pragmas(options: dict[str, Any] | None) -> dict[str, Any]:
    return {
        **(options or {}),
        # A transaction that reads first and writes later can only wait for the write
        # lock if it asks for the lock at its start.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: an event that was answered with 202 survives a power failure.
        "factory": PrivateConnection,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
