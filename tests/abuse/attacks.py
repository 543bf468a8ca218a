"""The abuse. `python -m tests.abuse.attacks URL SECONDS SOCKETS [ATTACK …]`, the scene as JSON on
standard input. Prints how often each attack was answered with which status.

Each attack goes on until its time is over, at a rate that one small machine can send: what
it costs the portal is the portal's to bound.
"""

import asyncio
import json
import os
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

import aiohttp

from .scene import EXPENSIVE, SIGNUP, Scene

Count = Callable[[int | str], None]
Attack = Callable[["Attackers", Count], Awaitable[None]]

HALF_SENT = {
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nx-a: ",
    "half a chunked body": b"PUT /healthz HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1",
    "half a body": b"PUT /api/partner/v1/webhook-settings HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "half a form": b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Cookie: csrftoken=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\na",
    "an idle connection": b"",
}


UNREAD = "an answer that is not read"

ADDRESS = "127.0.0.2"
"""Where requests come from; the healthy partner has 127.0.0.1."""


def somewhere() -> str:
    """An address of one of many strangers."""
    return f"127.0.1.{random.randrange(1, 101)}"


class Attackers:
    def __init__(
        self, url: str, scene: Scene, *, seconds: float, sockets: int, only: list[str]
    ) -> None:
        self._port = int(url.rpartition(":")[2])
        self._url = url
        self._scene = scene
        self._end = time.monotonic() + seconds
        self._sockets = sockets
        self._only = only
        self.statuses: dict[str, Counter[str]] = defaultdict(Counter)

    async def run(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, local_addr=(ADDRESS, 0))
        timeout = aiohttp.ClientTimeout(60)
        async with (
            aiohttp.ClientSession(
                self._url, connector=connector, timeout=timeout
            ) as self._session,
            asyncio.TaskGroup() as tasks,
        ):
            for name, sent in HALF_SENT.items():
                if self._is_wanted(name):
                    for _ in range(self._sockets):
                        tasks.create_task(self._hold(name, sent))
            if self._is_wanted(UNREAD):
                tasks.create_task(self._hold_unread(UNREAD))
            for name, rate, attack in (
                ("guessed keys", 20, self._guess_key),
                ("malformed keys", 20, self._malformed_key),
                ("guessed passwords", 2, self._guess_password),
                ("subscriptions", 10, self._subscribe),
                ("rotations", 2, self._rotate),
                ("tests", 5, self._test),
                ("long lists of events", 1, self._many_events),
                ("an event to all of them", 2, self._fan_out),
                ("a batch to all of them", 0.3, self._batch),
                ("expensive to check", 1, self._expensive),
                ("recoveries", 1, self._recover),
                ("deep JSON", 2, self._deep),
            ):
                if self._is_wanted(name):
                    tasks.create_task(self._repeat(name, rate, attack))

    def _is_wanted(self, name: str) -> bool:
        return not self._only or name in self._only

    # --- Connections ------------------------------------------------------------------

    async def _hold(self, name: str, sent: bytes) -> None:
        """Opens a connection again whenever it is closed, a second later at most."""
        await asyncio.sleep(random.random())
        while (left := self._end - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    reader, writer = await asyncio.open_connection(
                        "127.0.0.1", self._port, local_addr=(somewhere(), 0)
                    )
                    try:
                        writer.write(sent)
                        answer = await reader.read(64)
                        status = answer.split(b" ")[1:2] or [b"closed"]
                        self.statuses[name][status[0].decode()] += 1
                    finally:
                        writer.close()
            except TimeoutError:
                return
            except OSError as error:
                self.statuses[name][type(error).__name__] += 1
            await asyncio.sleep(1)

    async def _hold_unread(self, name: str) -> None:
        """Asks for a long document many times over one connection and reads nothing."""
        held = []
        ask = b"GET /schema/combined.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in range(16):
            try:
                _, writer = await asyncio.open_connection(
                    "127.0.0.1", self._port, local_addr=(somewhere(), 0)
                )
            except OSError:
                continue
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(ask * 50)
            held.append(writer)
        self.statuses[name]["held"] += len(held)
        await asyncio.sleep(self._end - time.monotonic())
        for writer in held:
            writer.transport.abort()

    # --- Requests ---------------------------------------------------------------------

    async def _repeat(
        self, name: str, rate: float, attack: Callable[[], Awaitable[int]]
    ) -> None:
        async def once() -> None:
            try:
                self.statuses[name][str(await attack())] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                self.statuses[name][type(error).__name__] += 1

        async with asyncio.TaskGroup() as tasks:
            while time.monotonic() < self._end:
                tasks.create_task(once())
                await asyncio.sleep(1 / rate)

    async def _send(self, method: str, path: str, **more: object) -> int:
        async with self._session.request(method, path, **more) as response:  # type: ignore[arg-type]
            await response.read()
            return response.status

    async def _guess_key(self) -> int:
        key = f"whk_{random.randbytes(5).hex()}_{random.randbytes(19).hex()}"
        headers = {"Authorization": f"Bearer {key}"}
        return await self._send("GET", "/api/portal/v1/me", headers=headers)

    async def _malformed_key(self) -> int:
        headers = {"x-api-key": "k" * 4000}
        return await self._send("GET", "/api/v1/partner/webHooks", headers=headers)

    async def _guess_password(self) -> int:
        name = f"person{random.randrange(1000)}" + "x" * random.choice([0, 300])
        data = {"username": name, "password": "wrong", "csrfmiddlewaretoken": "a" * 32}
        headers = {"Cookie": "csrftoken=" + "a" * 32}
        return await self._send("POST", "/admin/login/", data=data, headers=headers)

    def _as_abuser(self, method: str, path: str, body: object = None) -> Awaitable[int]:
        headers = {"Authorization": f"Bearer {self._scene.abuser_key}"}
        return self._send(method, f"/api/portal/v1/{path}", json=body, headers=headers)

    async def _subscribe(self) -> int:
        urls = [f"https://receiver.example.com/{random.random()}" for _ in range(20)]
        body = {"webHookType": "NEW_CONSUMER_SIGNUP", "webHookUrls": urls}
        headers = {"x-api-key": self._scene.abuser_key}
        path = "/api/v1/partner/webHooks"
        return await self._send("POST", path, json=body, headers=headers)

    async def _rotate(self) -> int:
        """It replaces its own key, which goes on for a day."""
        return await self._as_abuser(
            "POST", f"keys/{self._scene.abuser_key_id}/rotate", {}
        )

    async def _test(self) -> int:
        headers = {"Authorization": f"Bearer {self._scene.abuser_key}"}
        async with self._session.get(
            "/api/portal/v1/subscriptions?limit=1", headers=headers
        ) as response:
            rows = (await response.json()).get("data", [])
        if not rows:
            return response.status
        return await self._as_abuser("POST", f"subscriptions/{rows[0]['id']}/test", {})

    async def _many_events(self) -> int:
        body = {
            "url": "https://receiver.example.com/",
            "events": [f"order.{number}" for number in range(50_000)],
        }
        return await self._as_abuser("POST", "subscriptions", body)

    async def _publish(self, path: str, body: object) -> int:
        headers = {"Authorization": f"Bearer {self._scene.publisher_key}"}
        return await self._send(
            "POST", f"/api/portal/v1/{path}", json=body, headers=headers
        )

    def _event(self, type: str, **data: object) -> dict[str, object]:
        return {"partner": self._scene.abuser, "type": type, "data": data}

    async def _fan_out(self) -> int:
        return await self._publish("events", self._event(SIGNUP, abuse=True))

    async def _batch(self) -> int:
        events = [self._event(SIGNUP, abuse=True) for _ in range(30)]
        return await self._publish("events/batch", {"events": events})

    async def _expensive(self) -> int:
        items = [{"number": number} for number in range(4000)]
        return await self._publish("events", self._event(EXPENSIVE, items=items))

    async def _recover(self) -> int:
        return await self._as_abuser(
            "POST",
            "recoveries",
            {"outcomes": ["exhausted"], "since": "2026-01-01T00:00:00Z"},
        )

    async def _deep(self) -> int:
        deep = "[" * 100_000
        headers = {
            "Authorization": f"Bearer {self._scene.publisher_key}",
            "Content-Type": "application/json",
        }
        return await self._send(
            "POST", "/api/portal/v1/events", data=deep, headers=headers
        )


def main() -> None:
    url, seconds, sockets = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    # They stand for machines elsewhere, and take no processor from the portal.
    os.nice(19)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    scene = Scene(**json.load(sys.stdin))
    attackers = Attackers(
        url, scene, seconds=seconds, sockets=sockets, only=sys.argv[4:]
    )
    asyncio.run(attackers.run())
    print(json.dumps(attackers.statuses))  # noqa: T201


if __name__ == "__main__":
    main()
