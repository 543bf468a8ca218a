"""The sender of a process that gets its deliveries from outside: a Celery worker.

It is the local backend of `manage.py deliver`, in a thread with an event loop that runs as
long as the process. So connections to receivers are kept from one task to the next, and no
task waits for the slowest of its deliveries.
"""

import asyncio
import logging
import os
import threading
from asyncio import TaskGroup
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from uuid import UUID, uuid4

from webhooks.delivery import heartbeat, outbox
from webhooks.delivery.database import DatabaseThread
from webhooks.delivery.endpoint_notifications import Notify

from .local import LocalBackend

logger = logging.getLogger(__name__)

CONCURRENCY = 200
"""Requests under way at once."""

PATIENCE = 5.0
"""Seconds that a task waits for room."""

GRACE = 8.0
"""Seconds after the stop in which open requests may still be answered."""

LAST_BEAT = 1.0
"""Seconds for deleting its heartbeat at the end."""


class Sender:
    """Started when it is made. Its methods may be called from any thread.

    `notify` writes the endpoint notifications that settlements find.
    """

    def __init__(self, *, notify: Notify, concurrency: int = CONCURRENCY) -> None:
        self._notify = notify
        self._concurrency = concurrency
        self._id = uuid4()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="sender", daemon=True)
        self._thread.start()
        self._is_ready.wait()

    def take(
        self, token: UUID, ids: Sequence[UUID], *, within: float = PATIENCE
    ) -> None:
        """Begin what a claim reserved: those deliveries that still carry the token.

        Returns when they are in hand, and sends them later. Raises TimeoutError when there
        is no room `within` so many seconds; then nothing was begun.
        """
        asyncio.run_coroutine_threadsafe(
            self._take(token, ids, within), self._loop
        ).result()

    def stop(self) -> None:
        """Finish what is being sent, give back the rest, and end."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException:
            # Otherwise the process would go on and send nothing. What it had in hand falls
            # due again when its leases run out.
            logger.critical("The sender failed; its process ends.", exc_info=True)
            os._exit(1)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._turn = asyncio.Lock()
        self._has_room = asyncio.Event()
        self._claims = DatabaseThread("claim")
        try:
            async with (
                TaskGroup() as tasks,
                LocalBackend(
                    concurrency=self._concurrency,
                    tasks=tasks,
                    claims=self._claims,
                    notify=self._notify,
                    has_room=self._has_room.set,
                ) as self._backend,
            ):
                beating = tasks.create_task(self._beat())
                self._is_ready.set()
                await self._stopping.wait()
                beating.cancel()
                await self._backend.drain(within=GRACE)
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_BEAT):
                    await self._claims.run(partial(heartbeat.leave, self._id))
        finally:
            self._claims.close()

    async def _beat(self) -> None:
        beat = partial(heartbeat.beat, self._id, heartbeat.SENDER)
        while True:
            await self._claims.run(beat)
            await asyncio.sleep(heartbeat.INTERVAL)

    async def _take(self, token: UUID, ids: Sequence[UUID], within: float) -> None:
        # One after the other, or two would count on the same room.
        async with asyncio.timeout(within), self._turn:
            while self._backend.room < min(len(ids), self._backend.batch):
                self._has_room.clear()
                await self._has_room.wait()
            claim = await self._claims.run(partial(outbox.begin, token=token, ids=ids))
            if claim.ids:
                prepare = partial(self._backend.prepare, claim)
                await self._backend.take(await self._claims.run(prepare))
