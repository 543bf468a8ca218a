"""Deliveries per second of one `deliver` process on PostgreSQL, with every attempt
recorded, beside a bare aiohttp loop that posts the same bytes to the same receiver.

The bare loop runs before and after, and its mean counts: a machine's speed drifts.
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import aiohttp
import psycopg

from . import machine
from .result import Result

DELIVERIES = 20_000
CONCURRENCY = 200
TARGET = 0.3


def run() -> list[Result]:
    with _sink() as port, machine.database() as database:
        environment = os.environ | {
            "DATABASE_URL": database,
            "WEBHOOKS_EGRESS_ALLOW": "127.0.0.0/8",
            "LOG_LEVEL": "WARNING",
        }
        url = f"http://127.0.0.1:{port}/"
        machine.python(environment, "manage.py", "migrate", "--verbosity=0")
        printed = machine.python(
            environment, "-m", "benchmarks.backlog", url, str(DELIVERIES)
        )
        request = json.loads(printed)
        body, headers = base64.b64decode(request["body"]), request["headers"]
        before = asyncio.run(_bare(url, body, headers))
        machine.python(
            environment,
            "manage.py",
            "deliver",
            "--until-idle",
            f"--concurrency={CONCURRENCY}",
        )
        ours = _rate_in(database)
        after = asyncio.run(_bare(url, body, headers))
    bare = (before + after) / 2
    return [
        Result(
            what="deliveries/s, one worker, PostgreSQL / bare aiohttp loop",
            measured=ours / bare,
            target=TARGET,
            detail=f"{ours:,.0f}/s against {bare:,.0f}/s",
        )
    ]


async def _bare(url: str, body: bytes, headers: Mapping[str, str]) -> float:
    """Posts a second of an aiohttp loop that does nothing else."""
    left = iter(range(DELIVERIES))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post() -> None:
            for _ in left:
                async with session.post(url, data=body, headers=headers) as response:
                    await response.read()

        started = time.perf_counter()
        async with asyncio.timeout(machine.TIME_LIMIT), asyncio.TaskGroup() as tasks:
            for _ in range(CONCURRENCY):
                tasks.create_task(post())
    return DELIVERIES / (time.perf_counter() - started)


def _rate_in(database: str) -> float:
    """From the first request's start until the last result was on disk."""
    with psycopg.connect(database) as connection:
        row = connection.execute(
            """SELECT count(*), extract(epoch FROM max(d.settled_at)
                                        - (SELECT min(started_at) FROM webhooks_attempt))
               FROM webhooks_delivery AS d WHERE state = 'delivered'"""
        ).fetchone()
    assert row is not None
    assert row[0] == DELIVERIES, f"{row[0]} of {DELIVERIES} were delivered"
    return DELIVERIES / float(row[1])


@contextmanager
def _sink() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sink"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()
