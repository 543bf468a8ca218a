"""A receiver that notes how long each event was under way.

Events carry `sent_at`, in Unix seconds. `GET /` answers the noted seconds by path, and
forgets them; a POST to `/silent…` is never answered.
"""

import asyncio
import json
import time
from collections import defaultdict

from aiohttp import web

_seconds: dict[str, list[float]] = defaultdict(list)


async def receive(request: web.Request) -> web.Response:
    if request.path.startswith("/silent"):
        await asyncio.sleep(3600)
    now = time.time()
    event = json.loads(await request.read())
    _seconds[request.path].append(now - event["data"]["sent_at"])
    return web.Response()


async def report(request: web.Request) -> web.Response:
    seconds = dict(_seconds)
    _seconds.clear()
    return web.json_response(seconds)


async def main() -> None:
    app = web.Application()
    app.router.add_post("/{path:.*}", receive)
    app.router.add_get("/", report)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
