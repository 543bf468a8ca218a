"""What one delivery costs: processor time of the worker and of PostgreSQL, and bytes of WAL.

The worker's start is measured without a delivery and taken off. PostgreSQL's time and WAL are
those of its whole server, so nothing else may use it meanwhile (Linux).
"""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from . import machine
from .result import Result

DELIVERIES = 20_000
WRITTEN = "SELECT pg_current_wal_insert_lsn() - '0/0'"
MICROSECONDS = 1e6 / os.sysconf("SC_CLK_TCK")


@dataclass
class Spent:
    """By one run of the worker; times in µs."""

    worker: float = 0.0
    postgresql: float = 0.0
    wal: float = 0.0


@dataclass(frozen=True)
class Setting:
    database: str
    portal: AbstractContextManager[machine.Environment]
    endpoints: int
    targets: Spent = field(default_factory=Spent)
    aims: Spent = field(default_factory=Spent)  # 0: none


def run() -> list[Result]:
    most, aims = Spent(worker=130, postgresql=90, wal=2100), Spent(100, 70)
    return [
        result
        for setting in (
            Setting("PostgreSQL", machine.postgresql(), 1, most, aims),
            Setting("PostgreSQL", machine.postgresql(), 100, most, aims),
            Setting("SQLite", machine.sqlite(), 1, Spent(worker=260)),
        )
        for result in _results(setting)
    ]


def _results(setting: Setting) -> Iterator[Result]:
    spent = account(setting)
    where = f"{setting.database}, {setting.endpoints} endpoint(s)"
    parts = [("processor time of the worker", "worker", " µs")]
    if setting.database == "PostgreSQL":
        parts += [
            ("processor time of PostgreSQL", "postgresql", " µs"),
            ("WAL", "wal", " B"),
        ]
    for what, name, unit in parts:
        yield Result(
            what=f"a delivery's {what}, {where}",
            measured=getattr(spent, name),
            target=getattr(setting.targets, name),
            aim=getattr(setting.aims, name) or None,
            unit=unit,
            is_ceiling=True,
            detail=f"of {DELIVERIES:,}",
        )


def account(setting: Setting) -> Spent:
    """What each of the deliveries cost."""
    with machine.receiver("sink") as url, setting.portal as environment:
        start = _worker(environment)
        machine.python(
            environment,
            *("-m", "benchmarks.fill", url),
            *(str(setting.endpoints), str(DELIVERIES)),
        )
        whole = _worker(environment)
        delivered = json.loads(
            machine.python(environment, "-m", "benchmarks.delivered")
        )
    assert delivered["count"] == DELIVERIES, delivered
    return Spent(
        *(
            (getattr(whole, name) - getattr(start, name)) / DELIVERIES
            for name in ("worker", "postgresql", "wal")
        )
    )


def _worker(environment: machine.Environment) -> Spent:
    """What one run of the worker until it is idle cost."""
    spent = Spent()
    with _processor_time(spent), of_server(environment["DATABASE_URL"], spent):
        machine.python(environment, "manage.py", "deliver", "--until-idle")
    return spent


@contextmanager
def _processor_time(spent: Spent) -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent.worker = 1e6 * (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    )


@contextmanager
def of_server(url: str, spent: Spent) -> Iterator[None]:
    if not url.startswith("postgres"):
        yield
        return
    with psycopg.connect(url, autocommit=True) as connection:

        def asked(query: str) -> int:
            row = connection.execute(query).fetchone()
            assert row is not None
            return int(row[0])

        server = _parent(asked("SELECT pg_backend_pid()"))
        wal, ticks = asked(WRITTEN), _ticks(server)
        yield
        spent.wal = asked(WRITTEN) - wal
        spent.postgresql = (_ticks(server) - ticks) * MICROSECONDS


def _parent(pid: int) -> int:
    return int(stat(pid)[1])


def _ticks(server: int) -> int:
    """Of a server's processes, those that have ended included."""
    ticks = sum(map(int, stat(server)[11:15]))
    for child in machine.children(server):
        with suppress(OSError):  # it has ended
            ticks += sum(map(int, stat(child)[11:13]))
    return ticks


def stat(pid: int) -> list[str]:
    """What Linux tells of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
