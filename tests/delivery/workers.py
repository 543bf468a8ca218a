"""Workers that run in a test's own process, for as long as the test likes."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from django.db import connection

from tests.waiting import PATIENCE
from webhooks.delivery.worker import Worker
from webhooks.management.commands.deliver import make_worker


def run_until(
    condition: Callable[[], Any],
    *,
    count: int = 1,
    seconds: float = PATIENCE,
    **options: Any,
) -> float:
    """Run workers beside one another until the condition holds; the seconds it took.

    The condition is asked in a thread of its own. Raises AssertionError.
    """
    options = {"concurrency": 4} | options

    async def run() -> float:
        workers = [make_worker(**options) for _ in range(count)]
        running = asyncio.gather(*(worker.run() for worker in workers))
        started = time.monotonic()
        try:
            while not await asyncio.to_thread(in_thread, condition):
                assert not running.done(), running
                assert time.monotonic() - started < seconds, "it never came to that"
                await asyncio.sleep(0.01)
            return time.monotonic() - started
        finally:
            for worker in workers:
                worker.stop()
            await running

    return asyncio.run(run())


async def stop_when(condition: Callable[[], Any], worker: Worker) -> None:
    """Stop a worker that runs, once the condition holds. Raises AssertionError."""
    end = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(in_thread, condition):
        assert time.monotonic() < end, "it never came to that"
        await asyncio.sleep(0.01)
    worker.stop()


def in_thread(work: Callable[[], Any]) -> Any:
    """What `work` returns, with a database connection that is closed after it."""
    try:
        return work()
    finally:
        connection.close()
