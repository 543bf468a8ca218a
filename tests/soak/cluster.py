"""A PostgreSQL of one's own, that may be stopped at any time."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.ports import free_port


class NoPostgreSQL(Exception):
    """The server's programs are not on this machine."""


def programs() -> Path:
    """Where they are; raises NoPostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))  # Debian's place
    if on_path := shutil.which("pg_ctl"):
        found.append(Path(on_path))
    if not found:
        raise NoPostgreSQL("There is no pg_ctl.")
    return found[-1].parent


class Cluster:
    """A context manager. It is the owner's `postgres` where we are root, as the server
    refuses to run as root."""

    def __init__(self) -> None:
        self._programs = programs()
        self._port = free_port()

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="soak-postgresql-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        data = self._folder / "data"
        self._run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-N")
        with (data / "postgresql.conf").open("a") as settings:
            # Its processes die here, the machine does not: what was written to a file
            # is there afterwards, synced or not.
            settings.write(
                f"port = {self._port}\nlisten_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = '{self._folder}'\nfsync = off\n"
            )
        self._control("start")
        return self

    def __exit__(self, *exception: object) -> None:
        self._control("stop", "--mode=immediate")
        shutil.rmtree(self._folder)

    def restart(self, mode: str) -> None:
        """`fast` ends the connections; `immediate` is a crash, with recovery after it."""
        self._control("restart", f"--mode={mode}")

    def _control(self, *words: str) -> None:
        data, log = self._folder / "data", self._folder / "log"
        self._run("pg_ctl", *words, "-w", "-s", "-D", str(data), "-l", str(log))

    def _run(self, program: str, *arguments: str) -> None:
        as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*as_owner, str(self._programs / program), *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server would keep a pipe open
            check=True,
            timeout=60,
        )
