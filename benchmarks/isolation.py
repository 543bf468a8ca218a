"""What healthy endpoints notice of a dead one that has 100,000 due rows and never answers.

The same traffic runs with and without it, twice each in turn: a machine's speed drifts.
"""

import json

from . import machine, traffic
from .latency import percentile, taken
from .result import Result

DUE = 100_000
RATE = 100.0  # events a second, to ten healthy endpoints
SECONDS = 12.0
TARGET = 2.0


def run() -> list[Result]:
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(2):
        alone += _seconds(dead_rows=0)
        beside += _seconds(dead_rows=DUE)
    without, with_ = percentile(alone, 99), percentile(beside, 99)
    return [
        Result(
            what=f"p99 of healthy endpoints beside a dead one with {DUE:,} due rows"
            " / without it",
            measured=with_ / without,
            target=TARGET,
            is_ceiling=True,
            detail=f"{with_ * 1000:.0f} ms against {without * 1000:.0f} ms",
        )
    ]


def _seconds(*, dead_rows: int) -> list[float]:
    with machine.receiver("stopwatch") as receiver, machine.postgresql() as environment:
        filled = json.loads(
            machine.python(environment, "-m", "benchmarks.fill", receiver, "10", "0")
        )
        if dead_rows:
            machine.python(
                environment,
                *("-m", "benchmarks.fill", f"{receiver}silent"),
                *("1", str(dead_rows)),
            )
        with (
            machine.web(environment) as (url, _),
            machine.started(environment, "manage.py", "deliver"),
        ):
            # From the first second, when nothing is known of the dead one yet.
            traffic.run(
                url,
                key=filled["key"],
                partners=filled["partners"],
                rate=RATE,
                seconds=SECONDS,
            )
            return taken(receiver, count=int(RATE * SECONDS))
