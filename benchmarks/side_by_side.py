"""Deliveries of one `deliver`, with every attempt recorded, beside yardsticks that post the
same bytes to the same receiver.

All run twice, in an order that reads the same backwards, and each one's mean counts: a
machine's speed drifts.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import mean
from typing import Any

from . import machine

Yardstick = Callable[[str, bytes, Mapping[str, str], int], float]
"""Takes a URL, a body, its headers, and the number of posts; returns posts a second."""

DELIVER = ("deliver", "--until-idle")


@dataclass(frozen=True)
class Work:
    count: int  # of deliveries, and of a yardstick's posts
    endpoints: int = 1
    size: int = 0  # bytes of an event's data, if that is to be longer than usual


def rates(
    url: str,
    environment: machine.Environment,
    work: Work,
    yardsticks: Mapping[str, Yardstick],
    command: tuple[str, ...] = DELIVER,
) -> tuple[float, dict[str, float]]:
    """Deliveries a second of ours, and posts a second of each yardstick."""
    printed = _fill(url, environment, work)
    body, headers = base64.b64decode(printed["body"]), printed["headers"]
    posted: dict[str, list[float]] = {name: [] for name in yardsticks}
    for name, rate in yardsticks.items():
        posted[name].append(rate(url, body, headers, work.count))
    first = _delivered(environment, work, command)
    _fill(url, environment, work)
    second = _delivered(environment, work, command)
    for name, rate in reversed(yardsticks.items()):
        posted[name].append(rate(url, body, headers, work.count))
    return mean((first, second)), {name: mean(both) for name, both in posted.items()}


def _fill(url: str, environment: machine.Environment, work: Work) -> dict[str, Any]:
    numbers = map(str, (work.endpoints, work.count, work.size))
    return json.loads(
        machine.python(environment, "-m", "benchmarks.fill", url, *numbers)
    )


def _delivered(
    environment: machine.Environment, work: Work, command: tuple[str, ...]
) -> float:
    began = datetime.now(UTC).isoformat()
    machine.python(environment, "manage.py", *command)
    delivered = json.loads(
        machine.python(environment, "-m", "benchmarks.delivered", began)
    )
    assert delivered["count"] == work.count, delivered
    return float(work.count / delivered["seconds"])
