"""Deliveries per second of one `deliver` process, beside a bare aiohttp loop and a lean one."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from . import bare, lean, machine, side_by_side
from .result import Result
from .side_by_side import Work

DELIVERIES = 20_000
YARDSTICKS = {"bare aiohttp loop": bare.rate, "lean loop": lean.rate}


@dataclass(frozen=True)
class Setting:
    database: str
    portal: AbstractContextManager[machine.Environment]
    endpoints: int
    target: float  # beside the bare loop
    aim: float


def run() -> list[Result]:
    return [
        result
        for setting in (
            Setting("PostgreSQL", machine.postgresql(), 1, 1.0, 1.2),
            Setting("PostgreSQL", machine.postgresql(), 100, 0.9, 1.2),
            Setting("SQLite", machine.sqlite(), 1, 0.6, 0.8),
        )
        for result in _compared(setting)
    ]


def _compared(setting: Setting) -> Iterator[Result]:
    with machine.receiver("sink") as url, setting.portal as environment:
        work = Work(DELIVERIES, setting.endpoints)
        ours, posts = side_by_side.rates(url, environment, work, YARDSTICKS)
    many = "endpoint" if setting.endpoints == 1 else "endpoints"
    where = f"{setting.database}, {setting.endpoints} {many}"
    goals = {
        "bare aiohttp loop": (setting.target, setting.aim),
        "lean loop": (None, 0.4),
    }
    for name, rate in posts.items():
        target, aim = goals[name]
        yield Result(
            what=f"deliveries/s, one worker, {where} / {name}",
            measured=ours / rate,
            target=target,
            aim=aim,
            detail=f"{ours:,.0f}/s against {rate:,.0f}/s",
        )
