"""Jobs that wait for a slot, in a queue for each endpoint.

A free slot goes to the endpoint that has the fewest slots; endpoints that have equally few
take turns. No endpoint may have more slots than are free. So one endpoint that is slow, or
does not answer at all, can hold half of the slots; two such can hold a third each, and so
on. A partner may have seven times as many as are free, with all of its endpoints: however many
of them are slow, an eighth of the slots remains for other partners. (The rule is known from the buffers of
switches: Choudhury and Hahne, Dynamic queue length thresholds, 1998.)
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from uuid import UUID
from weakref import WeakValueDictionary

from .job import Job

PER_ENDPOINT = 50
"""Requests under way at once to one endpoint from this process, unless its subscription
sets another limit: what a small server can take."""

PER_PARTNER = 7
"""So many times the free slots may be held by one partner."""


class _Partner:
    __slots__ = ("__weakref__", "out")

    def __init__(self) -> None:
        self.out = 0


class _Queue:
    """The jobs of one endpoint that wait, and the number of those that are out."""

    __slots__ = ("jobs", "out", "partner")

    def __init__(self, partner: _Partner) -> None:
        self.jobs: deque[Job] = deque()
        self.out = 0
        self.partner = partner


class EndpointQueues:
    """Used within one event loop. `slots` is how many jobs may be out at once; `on_empty`
    is called whenever a taker has to wait for a job."""

    def __init__(
        self, *, slots: int, on_empty: Callable[[], None] = lambda: None
    ) -> None:
        self._slots = slots
        self._on_empty = on_empty
        # Of the endpoints that have a job here, waiting or out.
        self._queues: dict[UUID, _Queue] = {}
        self._partners = WeakValueDictionary[UUID, _Partner]()
        # The queues that have a job waiting and may be sent more, by how many jobs are out
        # to them; those of one level take turns.
        self._levels: list[dict[_Queue, None]] = [{} for _ in range(slots + 1)]
        self._lowest = 0  # no level below it has a queue
        self._takers: deque[asyncio.Future[Job]] = deque()
        self.waiting = 0
        self.out: set[Job] = set()
        """Jobs that were taken and are not done."""

    @property
    def is_taker_waiting(self) -> bool:
        """Whether somebody waits for a job."""
        return bool(self._takers)

    def put(self, job: Job) -> None:
        queue = self._queues.get(job.endpoint_id)
        if queue is None:
            partner = self._partners.setdefault(job.subscriber.partner_id, _Partner())
            queue = self._queues[job.endpoint_id] = _Queue(partner)
        queue.jobs.append(job)
        if len(queue.jobs) == 1:
            self._enter(queue)
        self.waiting += 1
        if self._takers:
            self._hand_out()

    async def take(self) -> Job:
        """The next job, as soon as there is one that may be out."""
        job = self._next()
        if job is None:
            taker: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            self._on_empty()
            job = await taker
        return job

    def take_after(self, job: Job) -> Job | None:
        """Say that a job is done, and take the next if there is one now."""
        self.out.discard(job)
        queue = self._queues[job.endpoint_id]
        self._levels[queue.out].pop(queue, None)
        queue.out -= 1
        queue.partner.out -= 1
        if queue.jobs:
            self._enter(queue)
        elif not queue.out:
            del self._queues[job.endpoint_id]
        following = self._next()
        # Those that wait found nothing before. One more of the same endpoint leaves them as they
        # were, unless it is of a later claim: its limit may be higher.
        if self._takers and following and following.subscriber is not job.subscriber:
            self._hand_out()
        return following

    def drop(self, endpoints: Collection[UUID]) -> list[Job]:
        """Remove all that waits for some endpoints; returns these jobs."""
        dropped: list[Job] = []
        for endpoint in endpoints:
            queue = self._queues.get(endpoint)
            if queue is None:
                continue
            dropped += queue.jobs
            queue.jobs.clear()
            self._levels[queue.out].pop(queue, None)
            if not queue.out:
                del self._queues[endpoint]
        self.waiting -= len(dropped)
        return dropped

    def drop_all(self) -> list[Job]:
        return self.drop(list(self._queues))

    @property
    def endpoints(self) -> list[UUID]:
        """Those that have a job here, waiting or out."""
        return list(self._queues)

    def longer_than(self, length: int) -> list[UUID]:
        """The endpoints for which more than `length` jobs wait."""
        return [id for id, queue in self._queues.items() if len(queue.jobs) > length]

    def _enter(self, queue: _Queue) -> None:
        """Have a queue with a job wait for its turn, unless its endpoint is at its limit."""
        most = queue.jobs[0].subscriber.max_in_flight or PER_ENDPOINT
        if queue.out < most:
            self._levels[queue.out][queue] = None
            self._lowest = min(self._lowest, queue.out)

    def _hand_out(self) -> None:
        while self._takers:
            if self._takers[0].done():  # it was cancelled
                self._takers.popleft()
            elif job := self._next():
                self._takers.popleft().set_result(job)
            else:
                return

    def _next(self) -> Job | None:
        most = self._slots - len(self.out)  # to one endpoint, see the top of the file
        while self._lowest < most and not self._levels[self._lowest]:
            self._lowest += 1
        for level in range(self._lowest, most):
            for queue in self._levels[level]:
                if queue.partner.out < PER_PARTNER * most:
                    return self._taken(level, queue)
        return None

    def _taken(self, level: int, queue: _Queue) -> Job:
        del self._levels[level][queue]
        job = queue.jobs.popleft()
        queue.out += 1
        queue.partner.out += 1
        if queue.jobs:
            self._enter(queue)
        self.waiting -= 1
        self.out.add(job)
        return job
