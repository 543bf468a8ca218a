"""The backend that sends from the worker's own process.

There is a sender for each request that may be under way. It takes jobs from the endpoint
queues and puts each result into a list; one settler writes that list, a batch at a time.
Nothing waits for the slowest request of a batch: a sender that is done takes the next job,
whichever claim it came from.
"""

import asyncio
import logging
import struct
import time
from asyncio import TaskGroup
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate
from types import TracebackType
from typing import Self
from uuid import UUID

from django.db import DatabaseError, connection

from webhooks.delivery import attempt, egress_settings, outbox
from webhooks.delivery.client import Client
from webhooks.delivery.database import DatabaseThread
from webhooks.delivery.endpoint_notifications import Notify
from webhooks.delivery.endpoint_queues import EndpointQueues
from webhooks.delivery.job import Claim, Job, Settlement
from webhooks.models import Delivery

logger = logging.getLogger(__name__)

SETTLE_BATCH = 500
SETTLE_PAUSE = 0.05
"""Seconds in which results are collected before they are written. Writing a success is not
urgent, and a transaction costs the same for one row as for fifty. A failure is written at
once, because it may open its endpoint's breaker."""

SETTLE_BYTES = 8 * 1024 * 1024
"""Bytes of bodies that are written at once: they travel together, and memory holds a few copies
of them on the way."""

HEAVY = 16 * 1024
"""Every so many bytes of an event count as one more job, so that what a worker holds is
limited in memory and not only in number."""

LEASE_MARGIN = 5.0
"""Seconds of a lease that are kept for settling. A job whose attempt could need them is
given back instead."""

UNWRITABLE = (DatabaseError, TypeError, ValueError, struct.error)
"""The errors of a settlement that cannot be written: the database's, and those of turning its
values into what the database is sent."""

_RESERVE_SHARE = 100
"""A claim takes this part of the reserve, so that as many endpoints as possible get a job of it."""

LAST_WRITES = 2.0
"""Seconds for giving back what a shutdown broke off."""


class LocalBackend:
    """Sends up to `concurrency` deliveries at once.

    `tasks` runs its parts; a part that fails ends the group. `claims` is the thread that
    loads. `notify` writes the endpoint notifications that settlements find. `has_room` is
    called when a batch fits again.
    """

    name = "local"
    is_begun = True
    lease = outbox.LEASE

    def __init__(
        self,
        *,
        concurrency: int,
        tasks: TaskGroup,
        claims: DatabaseThread,
        notify: Notify,
        has_room: Callable[[], None],
    ) -> None:
        self._concurrency = concurrency
        # Four times as many wait as are sent: enough to keep the senders busy during a
        # claim, and few enough to be sent before their leases run out. The rest stays free,
        # because a claim takes only half of what is left; see `room`.
        self._capacity = 7 * concurrency
        # For endpoints that have nothing here: many that are slow, and for which more and more
        # comes, fill what the rules below leave to each.
        self._reserve = concurrency
        self._group = tasks
        self._claims = claims
        self._notify = notify
        self._has_room = has_room
        self._is_full = False
        self._queues = EndpointQueues(slots=concurrency, on_empty=self._note_room)
        self._returned: list[Job] = []
        self._finished: list[Settlement] = []
        self._ended = asyncio.Event()  # something was returned or finished
        self._failed = asyncio.Event()
        self._jobs: set[Job] = set()
        self._weight = 0  # for how many more jobs the bytes of those count

    @property
    def held(self) -> int:
        return len(self._jobs)

    @property
    def batch(self) -> int:
        # An idle sender takes even a single job. The queues may be long and still have
        # nothing for a sender, if their endpoints are slow to answer.
        return 1 if self._queues.is_taker_waiting else self._concurrency

    @property
    def room(self) -> int:
        # Half of what is left, so that some remains for other endpoints, however many stop
        # answering while much is due for them. Of the reserve very few.
        if self._space <= self._reserve:
            return -(-self._space // _RESERVE_SHARE)
        return -(-(self._space - self._reserve) // 2)

    @property
    def full(self) -> Collection[UUID]:
        if self._space <= self._reserve:
            return self._queues.endpoints
        # By the rule of the slots: a queue may be as long as the space that is left.
        return self._queues.longer_than(self._space - self._reserve)

    @property
    def _space(self) -> int:
        # A database that is slow to write results delays further claims.
        late = len(self._finished) // SETTLE_BATCH * SETTLE_BATCH
        taken = self._queues.waiting + len(self._queues.out) + late + self._weight
        return self._capacity - taken

    async def __aenter__(self) -> Self:
        # SQLite takes one writer at a time: a second would only wait for the first.
        self._settling = (
            DatabaseThread("settle")
            if connection.vendor == "postgresql"
            else self._claims
        )
        self._client = await Client(egress_settings.current()).__aenter__()
        self._senders = [
            self._group.create_task(self._post()) for _ in range(self._concurrency)
        ]
        self._settler = self._group.create_task(self._settle())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._settler.cancel()
        await self._stop_senders()
        await self._client.__aexit__(exc_type, exc, traceback)
        if self._settling is not self._claims:
            self._settling.close()

    def prepare(self, claim: Claim) -> Collection[Job]:
        return outbox.load(claim)

    async def take(self, prepared: Collection[Job]) -> None:
        self._jobs.update(prepared)
        self._weight += sum(map(_weight, prepared))
        for job in prepared:
            self._queues.put(job)
        self._note_room()

    async def drain(self, *, within: float) -> None:
        self._give_back(self._queues.drop_all())
        if not await self._is_empty_within(within):
            await self._stop_senders()
            self._give_back(list(self._queues.out))
            if not await self._is_empty_within(LAST_WRITES):
                logger.warning("%d deliveries are left to their leases.", self.held)

    async def _post(self) -> None:
        job: Job | None = None
        while True:
            job = job or await self._queues.take()
            if time.monotonic() + attempt.timeout_of(job) + LEASE_MARGIN > job.until:
                self._give_back([job])
            else:
                self._finish(await attempt.make(job, self._client))
            job = self._queues.take_after(job)
            self._note_room()

    def _finish(self, settlement: Settlement) -> None:
        self._finished.append(settlement)
        self._ended.set()
        if settlement.state is not Delivery.State.DELIVERED:
            self._failed.set()

    async def _settle(self) -> None:
        while True:
            await self._ended.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_PAUSE):
                    await self._failed.wait()
            self._ended.clear()
            self._failed.clear()
            while self._returned:
                jobs, self._returned = self._returned, []
                await self._settling.run(partial(outbox.release, jobs))
                self._forget(jobs)
            # What ends meanwhile is left for the next time.
            left = len(self._finished)
            while left > 0:
                batch = self._next_batch()
                left -= len(batch)
                await self._record(batch)
                self._forget([s.job for s in batch])

    def _next_batch(self) -> Sequence[Settlement]:
        sizes = accumulate(map(_size, self._finished[:SETTLE_BATCH]))
        count = sum(size <= SETTLE_BYTES for size in sizes) or 1
        batch = self._finished[:count]
        del self._finished[:count]
        return batch

    async def _record(self, batch: Sequence[Settlement]) -> None:
        try:
            settled = await self._settling.run(
                partial(outbox.settle, batch, notify=self._notify)
            )
        except UNWRITABLE:
            if len(batch) == 1:
                # Its lease runs out, and after some such times it is quarantined.
                fields = batch[0].job.log_fields
                logger.exception("A delivery cannot be settled.", extra=fields)
                return
            for settlement in batch:  # one must not hold back the others
                await self._record([settlement])
        else:
            # Other deliveries claimed for an unavailable endpoint go back, unattempted.
            self._give_back(self._queues.drop(settled.unavailable))

    def _give_back(self, jobs: Sequence[Job]) -> None:
        if jobs:
            self._returned += jobs
            self._ended.set()
            self._note_room()

    def _forget(self, jobs: Sequence[Job]) -> None:
        self._jobs.difference_update(jobs)
        self._weight -= sum(map(_weight, jobs))
        self._note_room()

    def _note_room(self) -> None:
        """Call this after every change of `room`, or the worker waits for ever."""
        was_full, self._is_full = self._is_full, self.room < self.batch
        if was_full and not self._is_full:
            self._has_room()

    async def _is_empty_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.held and time.monotonic() < end:
            await asyncio.sleep(SETTLE_PAUSE)
        return not self.held

    async def _stop_senders(self) -> None:
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)


def _weight(job: Job) -> int:
    return (len(job.data) + len(job.body or b"")) // HEAVY


def _size(settlement: Settlement) -> int:
    attempt = settlement.attempt
    if attempt is None:
        return 0
    return len(attempt.request_body or b"") + len(attempt.response_body)
