"""A receiver that notes how long each event was under way, in seconds.

`python -m tests.abuse.honest_receiver` prints its port. Events carry `number` and `sent_at`
in their data. `GET /` answers the seconds by number.
"""

import asyncio
import json
import time

from aiohttp import web

_seconds: dict[int, float] = {}


async def receive(request: web.Request) -> web.Response:
    data = json.loads(await request.read())["data"]
    if "number" in data:
        _seconds.setdefault(data["number"], time.time() - data["sent_at"])
    return web.Response()


async def report(request: web.Request) -> web.Response:
    return web.json_response(_seconds)


async def main() -> None:
    app = web.Application()
    app.router.add_post("/{path:.*}", receive)
    app.router.add_get("/", report)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
