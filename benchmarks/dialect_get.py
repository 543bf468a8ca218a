"""Authenticated GETs of one webhook in a dialect, beside a bare Django view that makes the
same two SELECTs; both in one worker of `serve`, over one PostgreSQL database.

The rounds alternate and their medians count: a machine's speed drifts.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Mapping

import aiohttp

from . import machine
from .result import Result

ROUNDS = 5
REQUESTS = 700  # in a round; with the bare rounds more than 10,000 reach the worker
CONCURRENCY = 8
TARGET = 0.65
MOST_MEMORY = 120.0  # MB resident, of a worker after 10,000 requests


def run() -> list[Result]:
    with machine.postgresql() as environment:
        made = json.loads(machine.python(environment, "-m", "benchmarks.dialect_rows"))
        with machine.web(environment) as (url, server):
            rates = asyncio.run(_measure(url, made["key"], made["reads"]))
            memory = max(map(machine.resident, machine.children(server.pid)))
    results = [
        _compared(dialect, rates[dialect], rates[f"bare {dialect}"])
        for dialect in made["reads"]
    ]
    return [*results, _remembered(memory)]


def _compared(dialect: str, ours: float, bare: float) -> Result:
    return Result(
        what=f"authenticated GET in {dialect} / bare Django view, same two SELECTs",
        measured=ours / bare,
        target=TARGET,
        detail=f"{ours:,.0f}/s against {bare:,.0f}/s",
    )


def _remembered(memory: float) -> Result:
    requests = 4 * ROUNDS * REQUESTS
    return Result(
        what="resident memory of a web worker",
        measured=memory,
        target=MOST_MEMORY,
        unit=" MB",
        is_ceiling=True,
        detail=f"after {requests:,} requests",
    )


async def _measure(
    url: str, key: str, reads: Mapping[str, Mapping[str, str]]
) -> dict[str, float]:
    """Requests per second, by what was read."""
    paths = {}
    for dialect, read in reads.items():
        paths[dialect] = read["path"]
        paths[f"bare {dialect}"] = read["bare"]
    rounds: dict[str, list[float]] = {name: [] for name in paths}
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        for _ in range(ROUNDS):
            for name, path in paths.items():
                rounds[name].append(await _rate(session, path))
    return {name: statistics.median(found) for name, found in rounds.items()}


async def _rate(session: aiohttp.ClientSession, path: str) -> float:
    left = iter(range(REQUESTS))

    async def get() -> None:
        for _ in left:
            async with session.get(path) as response:
                assert response.status == 200, await response.text()
                await response.read()

    started = time.perf_counter()
    async with asyncio.timeout(machine.TIME_LIMIT), asyncio.TaskGroup() as tasks:
        for _ in range(CONCURRENCY):
            tasks.create_task(get())
    return REQUESTS / (time.perf_counter() - started)
