"""Events published through REST a thousand at a time; one web server over PostgreSQL."""

import asyncio
import json
import time

import aiohttp

from . import event, machine
from .result import Result

EVENTS = 40_000
BATCH = 1000
CLIENTS = 2
TARGET = 10_000.0


def run() -> list[Result]:
    with machine.postgresql() as environment:
        filled = json.loads(
            machine.python(
                environment, "-m", "benchmarks.fill", "http://127.0.0.1/", "20", "0"
            )
        )
        with machine.web(environment, workers=CLIENTS) as (url, _):
            rate = asyncio.run(_rate(url, filled["key"], filled["partners"]))
    return [
        Result(
            what="events/s published through REST, 1,000 a request",
            measured=rate,
            target=TARGET,
            detail=f"{CLIENTS} clients, each event with a delivery",
        )
    ]


async def _rate(url: str, key: str, partners: list[str]) -> float:
    items = [
        {"partner": partners[n % len(partners)], "type": event.TYPE, "data": event.DATA}
        for n in range(BATCH)
    ]
    left = iter(range(EVENTS // BATCH))
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(url, headers=headers) as session:

        async def publish() -> None:
            for _ in left:
                path = "/api/portal/v1/events/batch"
                async with session.post(path, json={"events": items}) as response:
                    answer = await response.json()
                    assert answer["accepted"] == BATCH, answer

        started = time.perf_counter()
        async with asyncio.timeout(machine.TIME_LIMIT), asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(publish())
    return EVENTS / (time.perf_counter() - started)
