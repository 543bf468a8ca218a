"""Jobs that wait for a slot, in a queue for each endpoint.

A free slot goes to the endpoint that has the fewest slots; endpoints that have equally few
take turns. No endpoint may have more slots than are free. So one endpoint that is slow, or
does not answer at all, can hold half of the slots; two such can hold a third each, and so
on. A partner may have seven times as many as are free, with all of its endpoints: however many
of them are slow, an eighth of the slots remains for other partners. (The rule is known from the buffers of
switches: Choudhury and Hahne, Dynamic queue length thresholds, 1998.)
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection
from uuid import UUID

from .job import Job

PER_ENDPOINT = 50
"""Requests under way at once to one endpoint from this process, unless its subscription
sets another limit: what a small server can take."""

PER_PARTNER = 7
"""So many times the free slots may be held by one partner."""


class EndpointQueues:
    """Used within one event loop. `slots` is how many jobs may be out at once; `on_empty`
    is called whenever a taker has to wait for a job."""

    def __init__(
        self, *, slots: int, on_empty: Callable[[], None] = lambda: None
    ) -> None:
        self._slots = slots
        self._on_empty = on_empty
        self._queues: dict[UUID, deque[Job]] = {}
        # The endpoints that have a queue and may be sent more, by how many jobs are out to
        # them; those of one level take turns.
        self._levels: list[dict[UUID, None]] = [{} for _ in range(slots + 1)]
        self._lowest = 0  # no level below it has an endpoint
        self._takers: deque[asyncio.Future[Job]] = deque()
        self._out_to: Counter[UUID] = Counter()
        self._out_of: Counter[UUID] = Counter()  # by partner
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
            queue = self._queues[job.endpoint_id] = deque()
            queue.append(job)
            self._enter(job.endpoint_id)
        else:
            queue.append(job)
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
        endpoint = job.endpoint_id
        self.out.discard(job)
        if endpoint in self._queues:
            self._levels[self._out_to[endpoint]].pop(endpoint, None)
        self._out_to[endpoint] -= 1
        if not self._out_to[endpoint]:
            del self._out_to[endpoint]
        partner = job.subscriber.partner_id
        self._out_of[partner] -= 1
        if not self._out_of[partner]:
            del self._out_of[partner]
        if endpoint in self._queues:
            self._enter(endpoint)
        following = self._next()
        if self._takers:
            self._hand_out()
        return following

    def drop(self, endpoints: Collection[UUID]) -> list[Job]:
        """Remove the whole queues of some endpoints; returns their jobs."""
        dropped: list[Job] = []
        for endpoint in endpoints:
            if queue := self._queues.pop(endpoint, None):
                self._levels[self._out_to[endpoint]].pop(endpoint, None)
                dropped += queue
        self.waiting -= len(dropped)
        return dropped

    def drop_all(self) -> list[Job]:
        return self.drop(list(self._queues))

    @property
    def endpoints(self) -> list[UUID]:
        """Those that have a job here, waiting or out."""
        return list(self._queues.keys() | self._out_to.keys())

    def longer_than(self, length: int) -> list[UUID]:
        """The endpoints for which more than `length` jobs wait."""
        return [id for id, queue in self._queues.items() if len(queue) > length]

    def _enter(self, endpoint: UUID) -> None:
        """Have an endpoint with a queue wait for its turn, unless it is at its limit."""
        out = self._out_to[endpoint]
        most = self._queues[endpoint][0].subscriber.max_in_flight or PER_ENDPOINT
        if out < most:
            self._levels[out][endpoint] = None
            self._lowest = min(self._lowest, out)

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
            for endpoint in self._levels[level]:
                partner = self._queues[endpoint][0].subscriber.partner_id
                if self._out_of[partner] < PER_PARTNER * most:
                    return self._taken(level, endpoint)
        return None

    def _taken(self, level: int, endpoint: UUID) -> Job:
        del self._levels[level][endpoint]
        queue = self._queues[endpoint]
        job = queue.popleft()
        self._out_to[endpoint] += 1
        self._out_of[job.subscriber.partner_id] += 1
        if queue:
            self._enter(endpoint)
        else:
            del self._queues[endpoint]
        self.waiting -= 1
        self.out.add(job)
        return job
