"""Deliveries per second of one `deliver` process, with every attempt recorded, beside a
bare aiohttp loop that posts the same bytes to the same receiver.

The bare loop runs before and after, and its mean counts: a machine's speed drifts.
"""

import base64
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass

from . import bare, machine
from .result import Result

DELIVERIES = 20_000


@dataclass(frozen=True)
class Setting:
    database: str
    portal: AbstractContextManager[machine.Environment]
    endpoints: int
    target: float = 0.0


def run() -> list[Result]:
    return [
        _compared(setting)
        for setting in (
            Setting("PostgreSQL", machine.postgresql(), 1, 0.5),
            Setting("PostgreSQL", machine.postgresql(), 100, 0.5),
            Setting("SQLite", machine.sqlite(), 1, 0.3),
        )
    ]


def _compared(setting: Setting) -> Result:
    ours, bare = rates(setting)
    many = "endpoint" if setting.endpoints == 1 else "endpoints"
    return Result(
        what=f"deliveries/s, one worker, {setting.database}, {setting.endpoints} {many}"
        " / bare aiohttp loop",
        measured=ours / bare,
        target=setting.target,
        detail=f"{ours:,.0f}/s against {bare:,.0f}/s",
    )


def rates(setting: Setting) -> tuple[float, float]:
    """Deliveries a second of ours, and posts of the bare loop."""
    with machine.receiver("sink") as url, setting.portal as environment:
        printed = machine.python(
            environment,
            *("-m", "benchmarks.fill", url),
            *(str(setting.endpoints), str(DELIVERIES)),
        )
        request = json.loads(printed)
        body, headers = base64.b64decode(request["body"]), request["headers"]
        before = bare.rate(url, body, headers, DELIVERIES)
        machine.python(environment, "manage.py", "deliver", "--until-idle")
        # From the first request's start until the last result was on disk.
        delivered = json.loads(
            machine.python(environment, "-m", "benchmarks.delivered")
        )
        after = bare.rate(url, body, headers, DELIVERIES)
    assert delivered["count"] == DELIVERIES, delivered
    return DELIVERIES / delivered["seconds"], (before + after) / 2
