"""What one event costs that is published through REST by itself: processor time of the web
worker and of PostgreSQL.

PostgreSQL's time is that of its whole server, so nothing else may use it meanwhile (Linux).
"""

import json

from . import account, machine, traffic
from .result import Result

RATE = 100.0  # events a second: all are answered as they come
SECONDS = 20.0
TARGET = 2.5  # ms, of both together


def run() -> list[Result]:
    with machine.postgresql() as environment:
        made = machine.python(
            environment, "-m", "benchmarks.fill", "http://127.0.0.1/", "20", "0"
        )
        filled = json.loads(made)
        to = {"key": filled["key"], "partners": filled["partners"]}
        with machine.web(environment) as (url, server):
            (worker,) = machine.children(server.pid)
            traffic.run(url, **to, rate=RATE, seconds=3)  # the start is not measured
            spent, before = account.Spent(), _microseconds(worker)
            with account.of_server(environment["DATABASE_URL"], spent):
                traffic.run(url, **to, rate=RATE, seconds=SECONDS)
            spent.worker = _microseconds(worker) - before
    web, postgresql = (
        microseconds / 1000 / (RATE * SECONDS)
        for microseconds in (spent.worker, spent.postgresql)
    )
    return [
        Result(
            what="processor time of a single event through REST",
            measured=web + postgresql,
            target=TARGET,
            unit=" ms",
            is_ceiling=True,
            detail=f"web worker {web:.2f} ms, PostgreSQL {postgresql:.2f} ms",
        )
    ]


def _microseconds(worker: int) -> float:
    """That a web worker has used."""
    return sum(map(int, account.stat(worker)[11:13])) * account.MICROSECONDS
