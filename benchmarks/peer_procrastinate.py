"""A webhook sender built on Procrastinate: one job a delivery, posted with aiohttp.

Run by the Python of build/peers. `python -m benchmarks.peer_procrastinate URL COUNT`
queues, delivers, and prints deliveries a second.
"""

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time

import aiohttp
import procrastinate

from benchmarks import event

CONCURRENCY = 50  # more makes it no faster: jobs are fetched one by one

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(
        conninfo=os.environ["PEER_DATABASE_URL"], min_size=4, max_size=20
    )
)
sessions: list[aiohttp.ClientSession] = []


@app.task(name="deliver")
async def deliver(url: str, body: str) -> None:
    signature = hmac.digest(b"secret", body.encode(), hashlib.sha256).hex()
    headers = {"Content-Type": "application/json", "Signature": signature}
    async with sessions[0].post(url, data=body.encode(), headers=headers) as response:
        response.raise_for_status()
        await response.read()


async def main(url: str, count: int) -> None:
    body = json.dumps({"type": event.TYPE, "data": event.DATA})
    async with app.open_async(), aiohttp.ClientSession() as session:
        sessions.append(session)
        await app.schema_manager.apply_schema_async()
        await deliver.batch_defer_async(*[{"url": url, "body": body}] * count)
        started = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=CONCURRENCY)
        print(json.dumps(count / (time.perf_counter() - started)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
