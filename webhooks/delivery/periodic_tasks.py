"""Periodic tasks, which a worker runs at intervals beside delivering.

Every worker runs all of them, so a task must be safe to run in two workers at once. The
processes of one command take turns: together they run each as often as one process would.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
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
    pause: float = 0.0
    """Seconds from the end of one run to the start of the next, when it can go on or the
    worker is woken. A task that pauses does so for as long as it ran, at least: it is at work
    for half of the time."""
    is_woken: bool = False
    """Whether it has work from publishers, who wake the worker."""
    is_own: bool = False
    """Whether a process runs it for itself, and each of several must."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Of process `number` among `count` on one host. Nobody waits for one that has died: its
    turns are left out."""

    number: int = 0
    count: int = 1

    def next(self, ended: float, every: float) -> float:
        """When a task that has ended runs again, by the clock that all processes of a host
        share (`time.monotonic`)."""
        if self.count == 1:
            return ended + every
        first, period = every * self.number, every * self.count
        return first + period * (math.floor((ended - first) / period) + 1)


ALONE = Turns()


class Scheduler:
    """Runs periodic tasks one at a time, each when it is due."""

    def __init__(
        self,
        thread: DatabaseThread,
        tasks: Sequence[PeriodicTask],
        turns: Turns = ALONE,
    ) -> None:
        self._thread = thread
        self._turns = turns
        self._due = dict.fromkeys(tasks, 0.0)
        self._earliest = dict.fromkeys(tasks, 0.0)
        self._wanted: set[PeriodicTask] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Run the tasks that have work from publishers. To be called in the event loop."""
        for task in self._due:
            if task.is_woken:
                self._wanted.add(task)
                self._due[task] = min(self._due[task], self._earliest[task])
                self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            task = min(self._due, key=self._due.__getitem__)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._due[task] - monotonic())):
                    await self._woken.wait()
                    continue
            await self._run(task)

    async def run_all(self) -> bool:
        """Run every task now. Returns whether one of them has more to do."""
        return any([await self._run(task) for task in self._due])

    async def _run(self, task: PeriodicTask) -> bool:
        self._wanted.discard(task)
        began = monotonic()
        try:
            has_more = await self._thread.run(task.run)
        except Exception:
            logger.exception("The periodic task %s failed.", task.name)
            has_more = False
        ended = monotonic()
        pause = max(task.pause, ended - began) if task.pause else 0.0
        self._earliest[task] = ended + pause
        # It may have been woken while it ran, by work that it did not see.
        is_soon = has_more or task in self._wanted
        if is_soon:
            self._due[task] = self._earliest[task]
        elif task.is_own:
            self._due[task] = ended + task.every
        else:
            self._due[task] = self._turns.next(ended, task.every)
        return has_more
