"""The files of an SQLite database, and `var/`, which only their owner may read.

They hold partners' data, digests and encrypted secrets. SQLite makes the files beside the
database (-wal, -shm) with its modes, so it is enough that those are right before it opens it.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any

VAR = Path(__file__).resolve().parent.parent / "var"
"""The folder of the default database, of nobody else's files."""

_OTHERS = 0o077
_BESIDE = ("", "-wal", "-shm", "-journal")


class PrivateConnection(sqlite3.Connection):
    """Makes a missing database with mode 0600, and takes wider modes away.

    Modes that another owner set are left as they are: only an owner may change them.
    """

    def __init__(self, database: str | Path, *args: Any, **options: Any) -> None:
        name = str(database)
        if not name.startswith(("file:", ":memory:")):
            if Path(name).parent == VAR:
                tighten(VAR)
            _make(name)
            for suffix in _BESIDE:
                tighten(Path(f"{name}{suffix}"))
        super().__init__(database, *args, **options)


def _make(name: str) -> None:
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        pass  # it is there; or it cannot be made, and SQLite says so


def tighten(path: Path) -> None:
    """Take all rights from group and others, where there are some and they can be taken."""
    try:
        mode = path.stat().st_mode
        if mode & _OTHERS:
            path.chmod(mode & 0o7700)
    except OSError:
        pass
