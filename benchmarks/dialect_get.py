"""Authenticated GETs of one webhook in a dialect, beside a bare Django view that makes the
same two SELECTs; both in one Granian worker, over one PostgreSQL database.

The rounds alternate and their medians count: a machine's speed drifts.
"""

import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from . import machine
from .result import Result

ROUNDS = 5
REQUESTS = 700  # in a round; with the bare rounds more than 10,000 reach the worker
CONCURRENCY = 8
TARGET = 0.65
MOST_MEMORY = 120.0  # MB resident, of a worker after 10,000 requests
START_LIMIT = 30.0  # seconds


def run() -> list[Result]:
    with machine.database() as database:
        environment = os.environ | {
            "DATABASE_URL": database,
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "LOG_LEVEL": "WARNING",
        }
        machine.python(environment, "manage.py", "migrate", "--verbosity=0")
        made = json.loads(machine.python(environment, "-m", "benchmarks.dialect_rows"))
        with _server(environment) as (url, pid):
            rates = asyncio.run(_measure(url, made["key"], made["reads"]))
            memory = _resident(pid)
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
        what=f"{MOST_MEMORY:.0f} MB / a web worker's memory after {requests:,} requests",
        measured=MOST_MEMORY / memory,
        target=1.0,
        detail=f"{memory:.0f} MB resident",
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


@contextmanager
def _server(environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The address of `serve` with one worker, and the process id of its main process."""
    command = ["manage.py", "serve", "--bind", f"127.0.0.1:{_free_port()}"]
    process = subprocess.Popen(
        [sys.executable, *command, "--workers", "1"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        asyncio.run(_wait(found[0]))
        yield found[0], process.pid
    finally:
        process.terminate()
        process.communicate()


async def _wait(url: str) -> None:
    async with asyncio.timeout(START_LIMIT), aiohttp.ClientSession(url) as session:
        while True:
            try:
                async with session.get("/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectorError:
                pass
            await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _resident(parent: int) -> float:
    """MB that the worker of `parent` holds in memory (Linux)."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    found = []
    for child in children:
        status = Path(f"/proc/{child}/status").read_text()
        size = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        found.append(int(size[1]) / 1024 if size else 0.0)
    return max(found)
