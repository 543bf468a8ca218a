"""What one `deliver` process holds in memory over a million deliveries."""

import time

import psycopg

from . import machine
from .grow import grow
from .result import Result

DELIVERIES = 1_000_000
WARM = 50_000  # deliveries after which its memory is compared
TARGET = 50.0
LONGEST = 1200.0  # seconds
LOOK = 1.0  # seconds between two looks


def run() -> list[Result]:
    with machine.receiver("sink") as url, machine.postgresql() as environment:
        machine.python(environment, "-m", "benchmarks.fill", url, "100", "100")
        database = environment["DATABASE_URL"]
        grow(database, DELIVERIES, due_in=-DELIVERIES / 1000)
        started = time.monotonic()
        with (
            machine.started(environment, "manage.py", "deliver") as worker,
            psycopg.connect(database, autocommit=True) as connection,
        ):
            warm = most = 0.0
            while (done := _delivered(connection)) < DELIVERIES:
                assert worker.poll() is None, "the worker ended"
                assert time.monotonic() - started < LONGEST, f"only {done:,}"
                now = machine.resident(worker.pid)
                warm = warm or (now if done >= WARM else 0.0)
                most = max(most, now)
                time.sleep(LOOK)
            seconds = time.monotonic() - started
    return [
        Result(
            what=f"growth of a worker over {DELIVERIES:,} deliveries",
            measured=most - warm,
            target=TARGET,
            unit=" MB",
            is_ceiling=True,
            detail=f"{warm:.0f} MB after {WARM:,}, {most:.0f} MB at most, "
            f"{DELIVERIES / seconds:,.0f} deliveries/s",
        )
    ]


def _delivered(connection: psycopg.Connection) -> int:
    # Attempts by the statistics: counting a million rows would be measured too.
    row = connection.execute(
        "SELECT coalesce(sum(delivered), 0) FROM webhooks_endpointhour"
    ).fetchone()
    return int(row[0]) if row else 0
