"""What the benchmarks run on: databases of their own, and processes over them."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from portal import first_start

TIME_LIMIT = 180  # seconds for a process that ends by itself
START_LIMIT = 30  # seconds for a server to answer
SERVER = os.environ.get("BENCH_POSTGRES", "postgres://postgres@127.0.0.1:5432")

Environment = Mapping[str, str]


@contextmanager
def database() -> Iterator[str]:
    """The URL of an empty PostgreSQL database, which is dropped afterwards."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{SERVER}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def postgresql() -> Iterator[Environment]:
    """The environment of a portal over a migrated PostgreSQL database."""
    with database() as url:
        yield _portal(url)


@contextmanager
def sqlite() -> Iterator[Environment]:
    """The same over a file."""
    with tempfile.TemporaryDirectory() as folder:
        yield _portal(f"sqlite:///{folder}/portal.sqlite3")


def _portal(database: str) -> Environment:
    environment = {
        **os.environ,
        **first_start.new_secrets(),
        "DEBUG": "true",
        "ENV_FILE": "",
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "WEBHOOKS_EGRESS_ALLOW": "127.0.0.0/8",
        "LOG_LEVEL": "WARNING",
    }
    python(environment, "manage.py", "migrate", "--verbosity=0")
    return environment


def python(
    environment: Environment, *arguments: str, time_limit: float = TIME_LIMIT
) -> str:
    """What a Python process printed; raises CalledProcessError when it fails."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=time_limit,
    ).stdout


@contextmanager
def started(
    environment: Environment, *arguments: str
) -> Iterator[subprocess.Popen[str]]:
    """A Python process that runs until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def receiver(module: str, *arguments: str, scheme: str = "http") -> Iterator[str]:
    """The URL of a receiver of `benchmarks`, which prints its port."""
    with started(os.environ, "-m", f"benchmarks.{module}", *arguments) as process:
        assert process.stdout is not None
        yield f"{scheme}://127.0.0.1:{int(process.stdout.readline())}/"


@contextmanager
def web(
    environment: Environment, *, workers: int = 1
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL of `serve`, once it is ready, and its main process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = ["manage.py", "serve", "--bind", f"127.0.0.1:{port}"]
    with started(environment, *command, "--workers", str(workers)) as process:
        _wait_for(f"{url}/healthz")
        yield url, process


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                response.read()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def resident(pid: int) -> float:
    """MB that a process holds in memory (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def processor_seconds(pid: int) -> float:
    """That the threads of a process have worked (Linux)."""
    return sum(
        int(file.read_text().split()[0]) / 1e9
        for file in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )


def children(pid: int) -> list[int]:
    return [
        int(child)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]
