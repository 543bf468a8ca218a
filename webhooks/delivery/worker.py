"""The loop that claims due deliveries and hands them to a backend.

Claims overlap with the sending and settling of earlier ones. Polling finds the work; `wake`
only finds it sooner.
"""

import asyncio
import logging
from asyncio import TaskGroup
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from . import heartbeat, outbox, wakeups
from .backends import Backend, MakeBackend
from .database import DatabaseThread
from .endpoint_notifications import Notify
from .job import Claim
from .periodic_tasks import ALONE, PeriodicTask, Scheduler, Turns

logger = logging.getLogger(__name__)

POLL_INTERVAL = 0.25
"""Seconds between two looks at an idle queue."""

BUSY_INTERVAL = 0.02
"""Seconds between two looks while deliveries keep coming. They leave this soon, a few at a
time."""

BUSY_FOR = 2.0
"""Seconds for which a queue counts as busy after something was found. Longer than an idle
endpoint stays awake (see `PERIODIC_TASKS`): while an endpoint is awake, new work sends no
NOTIFY, so the worker must poll."""

GRACE = 8.0
"""Seconds after SIGTERM in which open requests may still be answered. With the last claim
before them and the last writes after them a worker ends within twelve."""

LAST_BEAT = 1.0
"""Seconds for deleting its heartbeat at the end."""

LAST_CLAIM = 1.0
"""Seconds that a claim may still take after SIGTERM. Without a limit it would wait for ever
for a database that is away."""


def _put_idle_endpoints_to_sleep() -> bool:
    outbox.put_idle_endpoints_to_sleep()
    return False


def _reconcile() -> bool:
    outbox.reconcile()
    return False


def _cancel_disabled() -> bool:
    return outbox.cancel_disabled() > 0


def _beat(id: UUID, backend: str) -> bool:
    heartbeat.beat(id, backend)
    return False


PERIODIC_TASKS = (
    PeriodicTask("reconcile", 60.0, _reconcile),
    PeriodicTask("put idle endpoints to sleep", 1.0, _put_idle_endpoints_to_sleep),
    PeriodicTask("cancel disabled", 2.0, _cancel_disabled),
)


class Worker:
    """Runs once. With `until_idle` it ends when nothing is due and nothing is claimed.

    `notify` writes the endpoint notifications that settlements find. `periodic_tasks` are
    run beside the worker's own, in its `turns`.
    """

    def __init__(
        self,
        make_backend: MakeBackend,
        *,
        notify: Notify,
        periodic_tasks: Sequence[PeriodicTask],
        concurrency: int,
        until_idle: bool = False,
        turns: Turns = ALONE,
    ) -> None:
        self._make_backend = make_backend
        self._notify = notify
        self._periodic_tasks = periodic_tasks
        self._concurrency = concurrency
        self._until_idle = until_idle
        self._turns = turns
        self.has_begun = asyncio.Event()
        """Set by the first claim: the database can be used."""
        self._is_stopping = False
        self._woken = asyncio.Event()
        self._claiming: asyncio.Task[None] | None = None
        self._scheduler: Scheduler | None = None

    def wake(self) -> None:
        """Look at the queue now. To be called in the worker's event loop."""
        self._woken.set()

    def wake_for_new_work(self) -> None:
        """Look at the queue now, and for work that a publisher has left to periodic tasks.
        To be called in the worker's event loop."""
        self.wake()
        if self._scheduler is not None:
            self._scheduler.wake()

    def stop(self) -> None:
        """Claim no more, finish what is under way, and return from `run`."""
        self._is_stopping = True
        self._woken.set()
        if self._claiming is not None:
            asyncio.get_running_loop().call_later(LAST_CLAIM, self._claiming.cancel)

    async def run(self) -> None:
        claims = DatabaseThread("claim")
        # SQLite takes one writer at a time: a second would only wait for the first.
        beside = (
            DatabaseThread("periodic tasks")
            if connection.vendor == "postgresql"
            else claims
        )
        id = uuid4()
        try:
            async with (
                TaskGroup() as tasks,
                wakeups.listening(self.wake_for_new_work),
                self._make_backend(
                    concurrency=self._concurrency,
                    tasks=tasks,
                    claims=claims,
                    notify=self._notify,
                    has_room=self.wake,
                ) as backend,
            ):
                beating = PeriodicTask(
                    "heartbeat",
                    heartbeat.INTERVAL,
                    partial(_beat, id, backend.name),
                    is_own=True,
                )
                self._scheduler = scheduler = Scheduler(
                    beside,
                    [beating, *PERIODIC_TASKS, *self._periodic_tasks],
                    self._turns,
                )
                scheduling = tasks.create_task(scheduler.run())
                self._claiming = tasks.create_task(
                    self._claim(backend, claims, scheduler)
                )
                await asyncio.wait([self._claiming])
                scheduling.cancel()
                await backend.drain(within=GRACE)
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_BEAT):
                    await beside.run(partial(heartbeat.leave, id))
        finally:
            claims.close()
            if beside is not claims:
                beside.close()

    async def _claim(
        self, backend: Backend, claims: DatabaseThread, scheduler: Scheduler
    ) -> None:
        busy_until = 0.0
        while not self._is_stopping:
            self._woken.clear()
            limit = backend.room
            if limit < backend.batch:
                await self._woken.wait()
                continue
            claim, prepared = await claims.run(self._claim_for(backend, limit))
            self.has_begun.set()
            if claim.ids:
                busy_until = monotonic() + BUSY_FOR
                await backend.take(prepared)
            elif self._until_idle and await self._is_idle(backend, claims, scheduler):
                return
            if not claim.has_more:
                is_busy = monotonic() < busy_until
                await self._wait_for_wakeup(BUSY_INTERVAL if is_busy else POLL_INTERVAL)

    def _claim_for(
        self, backend: Backend, limit: int
    ) -> Callable[[], tuple[Claim, Any]]:
        """Work for the database thread. It claims once, however often it is tried."""
        full = backend.full
        made: list[Claim] = []

        def work() -> tuple[Claim, Any]:
            if not made:
                claim = outbox.claim(
                    limit=limit,
                    most=-(-limit // 2),
                    full=full,
                    lease=backend.lease,
                    is_begun=backend.is_begun,
                    notify=self._notify,
                )
                made.append(claim)
            claim = made[0]
            return claim, backend.prepare(claim) if claim.ids else None

        return work

    async def _is_idle(
        self, backend: Backend, claims: DatabaseThread, scheduler: Scheduler
    ) -> bool:
        if backend.held or not await claims.run(outbox.is_idle):
            return False
        return not await scheduler.run_all() and await claims.run(outbox.is_idle)

    async def _wait_for_wakeup(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
