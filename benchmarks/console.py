"""What the console's pages cost over a thousand deliveries, and over a million; the same
rows on every page, over PostgreSQL; and what the dashboard takes of the processor.

The rounds alternate between two databases and the medians count: a machine's speed drifts.
"""

import json
import statistics
from collections import defaultdict

from . import machine
from .grow import grow
from .result import Result

FEW, MANY = 1_000, 1_000_000
SUBSCRIBERS = 10  # with traffic, so that one has more than a page at either size
ROUNDS = 3
TARGET = 1.5
MOST_PROCESSOR = 30.0  # milliseconds of a web process for the dashboard


def run() -> list[Result]:
    with machine.postgresql() as few, machine.postgresql() as many:
        _fill(few, FEW)
        _fill(many, MANY)
        seconds: dict[str, tuple[list[float], list[float]]]
        seconds = defaultdict(lambda: ([], []))
        processor: list[float] = []
        for _ in range(ROUNDS):
            measured = _measured(few), _measured(many)
            processor += measured[0]["dashboard"]["processor"]
            for page, found in measured[0].items():
                rows = found["rows"], measured[1][page]["rows"]
                assert rows[0] == rows[1], (page, rows)
                for number, each in enumerate(measured):
                    seconds[page][number].extend(each[page]["seconds"])
    compared = [
        _compared(page, statistics.median(of_few), statistics.median(of_many))
        for page, (of_few, of_many) in seconds.items()
    ]
    return [*compared, _dashboard(statistics.median(processor))]


def _compared(page: str, few: float, many: float) -> Result:
    return Result(
        what=f"console, {page}: over {MANY:,} deliveries / over {FEW:,}",
        measured=many / few,
        target=TARGET,
        is_ceiling=True,
        detail=f"{many * 1000:.0f} ms against {few * 1000:.0f} ms",
    )


def _dashboard(processor: float) -> Result:
    return Result(
        what=f"console, dashboard over {FEW:,} deliveries",
        measured=processor * 1000,
        target=MOST_PROCESSOR,
        unit=" ms",
        is_ceiling=True,
        detail="of the processor",
    )


def _fill(environment: machine.Environment, deliveries: int) -> None:
    machine.python(
        environment,
        *("-m", "benchmarks.fill", "http://127.0.0.1/"),
        *(str(SUBSCRIBERS), str(SUBSCRIBERS)),
    )
    grow(environment["DATABASE_URL"], deliveries - SUBSCRIBERS)
    machine.python(environment, "-m", "benchmarks.console_rows", time_limit=600)


def _measured(environment: machine.Environment) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = json.loads(
        machine.python(environment, "-m", "benchmarks.console_pages")
    )
    return found
