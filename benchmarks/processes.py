"""What a delivery costs in processor time where one, two or three processes of one `deliver`
share the work: more than with one, because each claims and settles fewer at a time.

Starting and ending them is measured without a delivery and taken off. What else is done once in each
process, such as opening its 200 connections to receivers, weighs little in so many deliveries. The
counts take turns, because a machine's speed drifts, and the median of their ratios counts.
"""

import json
import resource
from collections.abc import Iterator
from statistics import median

from . import machine
from .result import Result

DELIVERIES = 60_000
COUNTS = (1, 2, 3)
ROUNDS = 3
MOST = 1.15


def run() -> Iterator[Result]:
    for endpoints in (100, 1):
        rounds = [
            {count: cost(count, endpoints=endpoints) for count in COUNTS}
            for _ in range(ROUNDS)
        ]
        for count in COUNTS[1:]:
            costs = ", ".join(f"{each[count]:.0f} : {each[1]:.0f}" for each in rounds)
            yield Result(
                what=f"processor time of a delivery, {count} processes / one, "
                f"PostgreSQL, {endpoints} endpoint(s)",
                measured=median(each[count] / each[1] for each in rounds),
                target=MOST,
                detail=f"{costs} µs",
                is_ceiling=True,
            )


def cost(processes: int, *, endpoints: int) -> float:
    """Microseconds of the processes' own time for one delivery."""
    with machine.receiver("sink") as url, machine.postgresql() as environment:
        start = _spent(environment, processes)
        machine.python(
            environment,
            *("-m", "benchmarks.fill", url),
            *(str(endpoints), str(DELIVERIES)),
        )
        whole = _spent(environment, processes)
        delivered = json.loads(
            machine.python(environment, "-m", "benchmarks.delivered")
        )
    assert delivered["count"] == DELIVERIES, delivered
    return 1e6 * (whole - start) / DELIVERIES


def _spent(environment: machine.Environment, processes: int) -> float:
    """Seconds of one run until all are idle, those of the processes below it included."""
    before = _of_children()
    machine.python(
        environment,
        *("manage.py", "deliver", "--until-idle", f"--processes={processes}"),
    )
    return _of_children() - before


def _of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
