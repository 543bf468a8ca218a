"""A webhook sender built on Procrastinate: one job a delivery, posted with aiohttp.

Run by the Python of build/peers. `python -m benchmarks.peer_procrastinate URL COUNT
PROCESSES` queues, delivers with so many workers, and prints deliveries a second.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import os
import sys

import aiohttp
import procrastinate
import psycopg

from benchmarks import event

CONCURRENCY = 50  # of a process; more makes it no faster: jobs are fetched one by one
DATABASE = os.environ["PEER_DATABASE_URL"]

logging.getLogger("procrastinate").setLevel(logging.ERROR)
app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=DATABASE, min_size=4, max_size=20)
)
sessions: list[aiohttp.ClientSession] = []


@app.task(name="deliver")
async def deliver(url: str, body: str) -> None:
    signature = hmac.digest(b"secret", body.encode(), hashlib.sha256).hex()
    headers = {"Content-Type": "application/json", "Signature": signature}
    async with sessions[0].post(url, data=body.encode(), headers=headers) as response:
        response.raise_for_status()
        await response.read()


async def main(url: str, count: int, processes: int) -> None:
    body = json.dumps({"type": event.TYPE, "data": event.DATA})
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await deliver.batch_defer_async(*[{"url": url, "body": body}] * count)
    command = [sys.executable, "-m", "benchmarks.peer_procrastinate", "work"]
    workers = [await asyncio.create_subprocess_exec(*command) for _ in range(processes)]
    assert not any([await worker.wait() for worker in workers])
    print(json.dumps(_rate(count)))


async def work() -> None:
    async with app.open_async(), aiohttp.ClientSession() as session:
        sessions.append(session)
        await app.run_worker_async(wait=False, concurrency=CONCURRENCY)


def _rate(count: int) -> float:
    """From the first job's start until the last one's end."""
    with psycopg.connect(DATABASE) as connection:
        row = connection.execute("""
            SELECT count(*) FILTER (WHERE type = 'succeeded'),
                extract(epoch FROM max(at) FILTER (WHERE type = 'succeeded')
                    - min(at) FILTER (WHERE type = 'started'))
            FROM procrastinate_events
        """).fetchone()
    assert row is not None
    assert row[0] == count, row
    return count / float(row[1])


if __name__ == "__main__":
    if sys.argv[1] == "work":
        asyncio.run(work())
    else:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
