"""Authenticated GETs of one webhook in a dialect, beside a bare Django view that makes the
same two SELECTs by the ORM; both in one worker of `serve`, over one PostgreSQL database.

What counts is the worker's time on a processor, which is what bounds its requests, and which
other programs disturb less than a clock's. The rounds alternate and their medians count.
"""

import asyncio
import json
import statistics
from collections.abc import Mapping

import aiohttp

from . import machine
from .result import Result

ROUNDS = 5
REQUESTS = 700  # in a round; with the bare rounds more than 10,000 reach the worker
CONCURRENCY = 8
TARGET = 1.5
MOST_MEMORY = 120.0  # MB resident, of a worker after 10,000 requests


def run() -> list[Result]:
    with machine.postgresql() as environment:
        made = json.loads(machine.python(environment, "-m", "benchmarks.dialect_rows"))
        with machine.web(environment) as (url, server):
            (worker,) = machine.children(server.pid)
            costs = asyncio.run(_measure(url, worker, made["key"], made["reads"]))
            memory = machine.resident(worker)
    results = [
        _compared(dialect, costs[dialect], costs[f"bare {dialect}"])
        for dialect in made["reads"]
    ]
    return [*results, _remembered(memory)]


def _compared(dialect: str, ours: float, bare: float) -> Result:
    return Result(
        what=f"authenticated GETs in {dialect} / of a bare Django view, same two SELECTs",
        measured=bare / ours,
        target=TARGET,
        detail=f"{ours * 1e6:,.0f} µs against {bare * 1e6:,.0f} µs of a processor",
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
    url: str, worker: int, key: str, reads: Mapping[str, Mapping[str, str]]
) -> dict[str, float]:
    """Seconds of a processor for a request, by what was read."""
    paths = {}
    for dialect, read in reads.items():
        paths[dialect] = read["path"]
        paths[f"bare {dialect}"] = read["bare"]
    rounds: dict[str, list[float]] = {name: [] for name in paths}
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        for _ in range(ROUNDS):
            for name, path in paths.items():
                rounds[name].append(await _cost(session, worker, path))
    return {name: statistics.median(found) for name, found in rounds.items()}


async def _cost(session: aiohttp.ClientSession, worker: int, path: str) -> float:
    left = iter(range(REQUESTS))

    async def get() -> None:
        for _ in left:
            async with session.get(path) as response:
                assert response.status == 200, await response.text()
                await response.read()

    before = machine.processor_seconds(worker)
    async with asyncio.timeout(machine.TIME_LIMIT), asyncio.TaskGroup() as tasks:
        for _ in range(CONCURRENCY):
            tasks.create_task(get())
    return (machine.processor_seconds(worker) - before) / REQUESTS
