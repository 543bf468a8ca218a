"""The traffic that must not suffer, and how long each part of it takes.

Requests leave at their own moments, whether or not those before them were answered.
"""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

from tests.waiting import PATIENCE

from .scene import ORDER, Scene

RATES = {"health": 5, "read": 15, "write": 5, "publish": 10}
"""Requests a second. Most of the machine stays free, so what is measured is waiting."""

_numbers = itertools.count()


@dataclass
class Measured:
    """What became of the requests of one phase. Seconds by kind."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)
    published: list[int] = field(default_factory=list)


class Healthy:
    def __init__(self, url: str, scene: Scene) -> None:
        self._url = url
        self._scene = scene

    async def run(self, seconds: float) -> Measured:
        measured = Measured()
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(PATIENCE)
        async with (
            aiohttp.ClientSession(
                self._url, connector=connector, timeout=timeout
            ) as session,
            asyncio.TaskGroup() as tasks,
        ):
            begin = time.monotonic()
            for kind, rate in RATES.items():
                send = getattr(self, f"_{kind}")
                for number in range(int(rate * seconds)):
                    at = begin + number / rate
                    tasks.create_task(self._timed(kind, at, send, session, measured))
        return measured

    async def _timed(
        self,
        kind: str,
        at: float,
        send: Callable[[aiohttp.ClientSession, Measured], Awaitable[int]],
        session: aiohttp.ClientSession,
        measured: Measured,
    ) -> None:
        await asyncio.sleep(at - time.monotonic())
        begun = time.monotonic()
        try:
            while (status := await send(session, measured)) == 503:
                # It says that nothing was done and when to ask again; the time counts.
                if time.monotonic() - begun > PATIENCE:
                    break
                await asyncio.sleep(1)
        except (aiohttp.ClientError, TimeoutError) as error:
            measured.failed.append(f"{kind}: {error!r}")
            return
        measured.seconds[kind].append(time.monotonic() - begun)
        if status >= 300:
            measured.failed.append(f"{kind}: {status}")

    async def _health(self, session: aiohttp.ClientSession, _: Measured) -> int:
        async with session.get("/healthz") as response:
            return response.status

    async def _read(self, session: aiohttp.ClientSession, _: Measured) -> int:
        path = f"/api/v1/partner/webHooks/{self._scene.hook}"
        headers = {"x-api-key": self._scene.healthy_key}
        async with session.get(path, headers=headers) as response:
            return response.status

    async def _write(self, session: aiohttp.ClientSession, _: Measured) -> int:
        body = {"url": f"https://receiver.example.com/{next(_numbers)}"}
        headers = {"partner-api-key": self._scene.healthy_key}
        path = "/api/partner/v1/webhook-settings"
        async with session.put(path, json=body, headers=headers) as response:
            return response.status

    async def _publish(self, session: aiohttp.ClientSession, measured: Measured) -> int:
        number = next(_numbers)
        body = {
            "partner": self._scene.healthy,
            "type": ORDER,
            "data": {"number": number, "sent_at": time.time()},
        }
        headers = {"Authorization": f"Bearer {self._scene.publisher_key}"}
        async with session.post(
            "/api/portal/v1/events", json=body, headers=headers
        ) as response:
            if response.status == 202:
                measured.published.append(number)
            return response.status
