"""A PgBouncer of a test's own."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Self
from urllib.parse import urlsplit

import psycopg

from tests.ports import free_port
from tests.waiting import eventually

_SETTINGS = """
[databases]
* = host={host} port={port} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = options
"""


def is_installed() -> bool:
    return shutil.which("pgbouncer", path=_path()) is not None


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin"


class Pooler:
    """In front of the server of `database_url`, in transaction mode; a context manager."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self.port = free_port()
        self.url = f"postgres://{parts.username}@127.0.0.1:{self.port}{parts.path}"
        # Not in a folder of pytest's, which only its owner may read.
        with NamedTemporaryFile("w", suffix=".ini", delete=False) as file:
            file.write(
                _SETTINGS.format(
                    host=parts.hostname,
                    port=parts.port or 5432,
                    user=parts.username,
                    password=f" password={parts.password}" if parts.password else "",
                    listen=self.port,
                )
            )
        self._file = Path(file.name)

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()
        self._file.unlink()

    def restart(self) -> None:
        self._stop()
        self._start()

    def _start(self) -> None:
        command = ["pgbouncer", "--quiet", str(self._file)]
        if os.geteuid() == 0:  # which it refuses to be
            self._file.chmod(0o644)
            command[1:1] = ["--user", "nobody"]
        self._process = subprocess.Popen(command, env={"PATH": _path()})
        try:
            eventually(self._answers)
        except AssertionError:
            self.__exit__()
            raise

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True
