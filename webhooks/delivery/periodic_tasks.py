"""Periodic tasks, which a worker runs at intervals beside delivering.

Every worker runs all of them, so a task must be safe to run in two workers at once.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from .database import DatabaseThread

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    name: str
    every: float
    """Seconds from the end of one run to the start of the next."""
    run: Callable[[], bool]
    """Does a limited amount of work in its own transactions, and returns True when it can
    go on at once. Runs in a thread with a database connection of its own."""


class Scheduler:
    """Runs periodic tasks one at a time, each when it is due."""

    def __init__(self, thread: DatabaseThread, tasks: Sequence[PeriodicTask]) -> None:
        self._thread = thread
        self._due = dict.fromkeys(tasks, 0.0)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            task = min(self._due, key=self._due.__getitem__)
            await asyncio.sleep(max(0.0, self._due[task] - monotonic()))
            await self._run(task)

    async def run_all(self) -> bool:
        """Run every task now. Returns whether one of them has more to do."""
        return any([await self._run(task) for task in self._due])

    async def _run(self, task: PeriodicTask) -> bool:
        try:
            has_more = await self._thread.run(task.run)
        except Exception:
            logger.exception("The periodic task %s failed.", task.name)
            has_more = False
        self._due[task] = monotonic() + (0.0 if has_more else task.every)
        return has_more
