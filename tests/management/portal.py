"""The portal's commands as an operator runs them: real processes over a fresh database."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg
from django.conf import settings
from psycopg import sql

from tests.ports import free_port
from tests.waiting import PATIENCE, eventually

ROOT = Path(settings.BASE_DIR)


@contextmanager
def fresh_database(folder: Path) -> Iterator[str]:
    """The URL of an empty database: a file in `folder`, or one on the tests' server."""
    server = os.environ.get("TEST_DATABASE_URL")
    if server is None:
        yield f"sqlite:///{folder / 'portal.sqlite3'}"
        return
    name = f"whk_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{server.rpartition('/')[0]}/{name}"
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            admin.execute(drop.format(sql.Identifier(name)))


def environment(database_url: str, **more: str) -> dict[str, str]:
    # Not the settings of the tests: an operator has the project's own.
    ours = ("CI", "DJANGO_SETTINGS_MODULE", "TEST_DATABASE_URL")
    kept = {k: v for k, v in os.environ.items() if k not in ours}
    return {
        **kept,
        "DATABASE_URL": database_url,
        "PYTHONUNBUFFERED": "1",
        "API_RATE_WITHOUT_KEY": "0",  # tests that call it have one address
        **more,
    }


def manage(
    *arguments: str, database_url: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(database_url, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


class Running:
    """A command that runs until it is told to end; what it prints is in `output`."""

    def __init__(
        self, *arguments: str, database_url: str, log: Path, **more: str
    ) -> None:
        self._log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=environment(database_url, **more),
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_for(self, pattern: str, *, timeout: float = PATIENCE) -> re.Match[str]:
        """The first match in the output; fails with the output when it does not come."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.output):
                return found
            assert self.process.poll() is None, f"It ended early:\n{self.output}"
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} is not in:\n{self.output}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextmanager
def serving(
    *options: str, database_url: str, log: Path, **more: str
) -> Iterator[tuple[int, Running]]:
    """`serve` with one worker, unless told otherwise, and its port once it answers."""
    port = free_port()
    with Running(
        *("serve", "--bind", f"127.0.0.1:{port}", "--workers=1", *options),
        database_url=database_url,
        log=log,
        **more,
    ) as found:
        eventually(lambda: answers(port) or found.process.poll() is not None)
        assert found.process.poll() is None, f"It ended early:\n{found.output}"
        yield port, found


def answers(port: int, path: str = "/healthz") -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def one_running(pids: set[int], *, command: str) -> int:
    """The process among `pids` whose command line ends with `command`."""
    # -ww: without it the line is cut at the terminal's width, or at 80 where none is.
    lines = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "-p", ",".join(map(str, pids))],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    (found,) = [line for line in lines if line.rstrip().endswith(f" {command}")]
    return int(found.split()[0])


def children(pid: int) -> set[int]:
    """The processes under `pid`, at any depth."""
    table = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
    found: set[int] = set()
    nearest = {pid}
    while nearest:
        nearest = {child for child, parent in pairs if parent in nearest} - found
        found |= nearest
    return found


def alive(pids: set[int]) -> set[int]:
    found = set()
    for pid in pids:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
        ).stdout
        if state and not state.startswith("Z"):
            found.add(pid)
    return found
