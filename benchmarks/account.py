"""What one delivery costs: processor time of the worker and of PostgreSQL, and bytes of WAL.

The worker's start is measured without a delivery and taken off. PostgreSQL's time is that of
its whole server, so nothing else may use it meanwhile (Linux).
"""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from . import machine
from .result import Result

DELIVERIES = 20_000
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


def run() -> list[Result]:
    most = Spent(worker=130, postgresql=90, wal=2100)
    return [
        result
        for setting in (
            Setting("PostgreSQL", machine.postgresql(), 1, most),
            Setting("PostgreSQL", machine.postgresql(), 100, most),
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
    with _processor_time(spent), _of_server(environment["DATABASE_URL"], spent):
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
def _of_server(url: str, spent: Spent) -> Iterator[None]:
    if not url.startswith("postgres"):
        yield
        return
    with psycopg.connect(url, autocommit=True) as connection:

        def written() -> int:
            row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
            return int(row.fetchone()[0])  # type: ignore[index]

        wal, ticks = written(), _ticks()
        yield
        spent.wal = written() - wal
        spent.postgresql = (_ticks() - ticks) * MICROSECONDS


def _ticks() -> int:
    """Of all processes of PostgreSQL, those that have ended included."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:  # it has ended
            continue
        if name.partition("(")[2] == "postgres":
            ticks += sum(map(int, rest.split()[11:15]))
    return ticks
