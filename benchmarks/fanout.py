"""What another partner notices of a batch of events to 5,000 endpoints each.

It changes its webhook settings all the while: first alone, then until the batch is answered and
its deliveries are written. A worker sends what is due meanwhile.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from . import machine
from .latency import percentile
from .result import Result

HOOKS, URLS = 250, 20
EVENTS = 30
TYPE = "member.created"
PAUSE = 0.1  # seconds between two changes
ALONE = 15.0  # seconds
LONGEST = 120.0
TARGET = 2.0


def run() -> list[Result]:
    found = []
    for name, database in (
        ("SQLite", machine.sqlite),
        ("PostgreSQL", machine.postgresql),
    ):
        with (
            machine.receiver("sink") as sink,
            database() as environment,
            _portal(environment, sink) as (url, filled),
        ):
            found.append(_result(name, *asyncio.run(_measure(url, filled))))
    return found


@contextmanager
def _portal(
    environment: machine.Environment, sink: str
) -> Iterator[tuple[str, dict[str, str]]]:
    filled = json.loads(
        machine.python(
            environment, "-m", "benchmarks.fanout_rows", sink, str(HOOKS), str(URLS)
        )
    )
    with (
        machine.web(environment, workers=2) as (url, _),
        machine.started(environment, "manage.py", "deliver"),
    ):
        yield url, filled


def _result(
    name: str, batch: float, written: float, beside: list[float], alone: list[float]
) -> Result:
    p99, base = percentile(beside, 99), percentile(alone, 99)
    return Result(
        what=f"p99 of another partner's PUT beside a batch of {EVENTS} events to "
        f"{HOOKS * URLS:,} endpoints each / without it, {name}",
        measured=p99 / base,
        target=TARGET,
        is_ceiling=True,
        detail=f"{p99 * 1000:.0f} ms against {base * 1000:.0f} ms, at most "
        f"{max(beside) * 1000:.0f} ms; batch answered in {batch:.2f} s, all deliveries "
        f"written in {written:.0f} s",
    )


async def _measure(
    url: str, filled: dict[str, str]
) -> tuple[float, float, list[float], list[float]]:
    async with aiohttp.ClientSession(url) as session:
        alone = await _alone(session, filled["key"])
        is_over = asyncio.Event()
        changing = asyncio.create_task(_change(session, filled["key"], is_over))
        await asyncio.sleep(1)
        began = time.perf_counter()
        events = await _publish(session, filled)
        batch = time.perf_counter() - began
        while time.perf_counter() - began < LONGEST and await _is_unfinished(
            session, filled, events
        ):
            await asyncio.sleep(0.5)
        written = time.perf_counter() - began
        is_over.set()
        beside = await changing
    return batch, written, beside, alone


async def _alone(session: aiohttp.ClientSession, key: str) -> list[float]:
    is_over = asyncio.Event()
    changing = asyncio.create_task(_change(session, key, is_over))
    await asyncio.sleep(ALONE)
    is_over.set()
    return await changing


async def _publish(session: aiohttp.ClientSession, filled: dict[str, str]) -> list[str]:
    item = {"partner": filled["partner"], "type": TYPE, "data": {"id": 1}}
    headers = {"Authorization": f"Bearer {filled['publisher']}"}
    async with session.post(
        "/api/portal/v1/events/batch", json={"events": [item] * EVENTS}, headers=headers
    ) as response:
        assert response.status == 202, await response.text()
        answer = await response.json()
        return [result["event"]["id"] for result in answer["results"]]


async def _is_unfinished(
    session: aiohttp.ClientSession, filled: dict[str, str], events: list[str]
) -> bool:
    headers = {"Authorization": f"Bearer {filled['publisher']}"}
    path = f"/api/portal/v1/events/{events[-1]}"
    async with session.get(path, headers=headers) as response:
        return bool((await response.json()).get("unqueued"))


async def _change(
    session: aiohttp.ClientSession, key: str, is_over: asyncio.Event
) -> list[float]:
    taken = []
    number = 0
    while not is_over.is_set():
        number += 1
        body = {"url": f"https://receiver.example.com/{number}"}
        began = time.perf_counter()
        async with session.put(
            "/api/partner/v1/webhook-settings",
            json=body,
            headers={"partner-api-key": key},
        ) as response:
            if response.status != 200:  # its time counts all the same
                print(f"A change was answered with {response.status}.")
        taken.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE)
    return taken
