"""From the moment before an event is published through REST until its receiver has it,
while a stream of them comes in; one web server and one worker over PostgreSQL."""

import json
import statistics
import time
import urllib.request
from collections.abc import Iterator

from . import machine, traffic
from .result import Result

SECONDS = 15.0
# Events a second -> seconds within which so many percent must have arrived.
RATES = {200.0: {95: 0.04}, 400.0: {95: 0.06, 99: 0.15}}


def run() -> Iterator[Result]:
    for rate, limits in RATES.items():
        with (
            machine.receiver("stopwatch") as receiver,
            machine.postgresql() as environment,
        ):
            seconds = _seconds(receiver, environment, rate)
        for percent, limit in limits.items():
            yield Result(
                what=f"publish → received, {rate:.0f} events/s, p{percent}",
                measured=percentile(seconds, percent),
                target=limit,
                unit=" s",
                is_ceiling=True,
                detail=f"median {statistics.median(seconds) * 1000:.0f} ms, "
                f"p95 {percentile(seconds, 95) * 1000:.0f} ms, "
                f"p99 {percentile(seconds, 99) * 1000:.0f} ms of {len(seconds):,}",
            )


def _seconds(
    receiver: str, environment: machine.Environment, rate: float
) -> list[float]:
    made = machine.python(environment, "-m", "benchmarks.fill", receiver, "20", "0")
    filled = json.loads(made)
    to = {"key": filled["key"], "partners": filled["partners"]}
    with (
        machine.web(environment, workers=2) as (url, _),
        machine.started(environment, "manage.py", "deliver"),
    ):
        traffic.run(url, **to, rate=rate, seconds=2)  # the start is not measured
        taken(receiver, count=int(2 * rate))
        traffic.run(url, **to, rate=rate, seconds=SECONDS)
        return taken(receiver, count=int(SECONDS * rate))


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
