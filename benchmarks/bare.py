"""The yardstick of deliveries: an aiohttp loop that does nothing but post."""

import asyncio
import ssl
import time
from collections.abc import Mapping

import aiohttp

from . import machine

CONCURRENCY = 200


def rate(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    count: int,
    tls: ssl.SSLContext | None = None,
) -> float:
    """Posts a second."""
    return asyncio.run(_rate(url, body, headers, count, tls))


async def _rate(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    count: int,
    tls: ssl.SSLContext | None,
) -> float:
    left = iter(range(count))
    connector = aiohttp.TCPConnector(limit=0, ssl=tls or True)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post() -> None:
            for _ in left:
                async with session.post(url, data=body, headers=headers) as response:
                    assert response.status == 200, response.status
                    await response.read()

        started = time.perf_counter()
        async with asyncio.timeout(machine.TIME_LIMIT), asyncio.TaskGroup() as tasks:
            for _ in range(CONCURRENCY):
                tasks.create_task(post())
    return count / (time.perf_counter() - started)
