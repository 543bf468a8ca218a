"""What a claim costs while a thousand, and then three million, deliveries wait for a later
retry at the same endpoints; over PostgreSQL."""

import json

from . import machine
from .grow import grow
from .result import Result

FEW, MANY = 1_000, 3_000_000
DUE = 10_000  # to be claimed at either size
TARGET = 1.2
HOUR = 3600.0


def run() -> list[Result]:
    with machine.postgresql() as environment:
        machine.python(
            environment, "-m", "benchmarks.fill", "http://127.0.0.1/", "100", "100"
        )
        few = _cost(environment, waiting=FEW)
        many = _cost(environment, waiting=MANY - FEW)
    return [
        Result(
            what=f"a claim of 200 with {MANY:,} waiting / with {FEW:,}",
            measured=many / few,
            target=TARGET,
            is_ceiling=True,
            detail=f"{many * 1000:.1f} ms against {few * 1000:.1f} ms",
        )
    ]


def _cost(environment: machine.Environment, *, waiting: int) -> float:
    """Seconds of a claim, after so many more wait."""
    database = environment["DATABASE_URL"]
    grow(database, waiting, due_in=HOUR, attempts=1, have_events=False)
    grow(database, DUE, due_in=-DUE / 1000)
    seconds = machine.python(environment, "-m", "benchmarks.claim")
    return float(json.loads(seconds))
