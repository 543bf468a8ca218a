"""From the moment before an event is published through REST until its receiver has it,
while a stream of them comes in; one web server and one worker over PostgreSQL."""

import json
import statistics
import time
import urllib.request

from . import machine, traffic
from .result import Result

RATE = 200.0  # events a second
SECONDS = 15.0
TARGET = 0.15


def run() -> list[Result]:
    with machine.receiver("stopwatch") as receiver, machine.postgresql() as environment:
        made = machine.python(environment, "-m", "benchmarks.fill", receiver, "20", "0")
        filled = json.loads(made)
        with (
            machine.web(environment, workers=2) as (url, _),
            machine.started(environment, "manage.py", "deliver"),
        ):
            to = {"key": filled["key"], "partners": filled["partners"]}
            traffic.run(url, **to, rate=RATE, seconds=2)  # the start is not measured
            taken(receiver, count=int(2 * RATE))
            traffic.run(url, **to, rate=RATE, seconds=SECONDS)
            seconds = taken(receiver, count=int(SECONDS * RATE))
    return [
        Result(
            what=f"publish → received, {RATE:.0f} events/s, p95",
            measured=percentile(seconds, 95),
            target=TARGET,
            unit=" s",
            is_ceiling=True,
            detail=f"median {statistics.median(seconds) * 1000:.0f} ms, "
            f"p99 {percentile(seconds, 99) * 1000:.0f} ms of {len(seconds):,}",
        )
    ]


def taken(receiver: str, *, count: int) -> list[float]:
    """The seconds that `count` events were under way, once all have arrived."""
    found: list[float] = []
    deadline = time.monotonic() + machine.START_LIMIT
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} arrived"
        with urllib.request.urlopen(receiver, timeout=5) as response:
            for seconds in json.load(response).values():
                found += seconds
        time.sleep(0.1)
    return found


def percentile(seconds: list[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100)[percent - 1]
