"""A steady stream of single events, published through REST as a customer's software does."""

import asyncio
import time
from collections.abc import Sequence

import aiohttp

from . import event, machine

START = 0.5  # seconds until the first is sent


def run(
    url: str, *, key: str, partners: Sequence[str], rate: float, seconds: float
) -> None:
    """`rate` events a second to the partners in turn, each sent at its own moment
    whether or not those before it were answered. Raises what any request raises."""
    asyncio.run(_run(url, key, partners, rate, seconds))


async def _run(
    url: str, key: str, partners: Sequence[str], rate: float, seconds: float
) -> None:
    begin = time.monotonic() + START
    headers = {"Authorization": f"Bearer {key}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(url, headers=headers, connector=connector) as session,
        asyncio.timeout(seconds + machine.START_LIMIT),
        asyncio.TaskGroup() as tasks,
    ):
        for number in range(int(rate * seconds)):
            at = begin + number / rate
            partner = partners[number % len(partners)]
            tasks.create_task(_publish(session, partner, at))


async def _publish(session: aiohttp.ClientSession, partner: str, at: float) -> None:
    await asyncio.sleep(at - time.monotonic())
    data = event.DATA | {"sent_at": time.time()}
    body = {"partner": partner, "type": event.TYPE, "data": data}
    async with session.post("/api/portal/v1/events", json=body) as response:
        assert response.status == 202, await response.text()
