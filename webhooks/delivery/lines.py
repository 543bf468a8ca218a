"""Jobs that wait for a slot, in a line for each endpoint.

Slots are given to the lines in turn, and to one endpoint never more than are left free:
an endpoint that is slow, or does not answer at all, can hold half of them when it is
alone, a third each when there are two such, and so on. Some always remain for the rest.
(The rule is known from the buffers of switches: Choudhury and Hahne, Dynamic queue length
thresholds, 1998.)
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection
from uuid import UUID

from .job import Job

PER_ENDPOINT = 50
"""Requests under way at once to one endpoint from this process, where its subscription
does not say otherwise: what a small server can take."""


class Lines:
    """Used within one event loop. `slots` is how many jobs may be out at once; `run_dry`
    is called whenever somebody has to wait for a job."""

    def __init__(
        self, *, slots: int, run_dry: Callable[[], None] = lambda: None
    ) -> None:
        self._slots = slots
        self._run_dry = run_dry
        self._lines: dict[UUID, deque[Job]] = {}
        self._turns: deque[UUID] = deque()  # the endpoints that have a line
        self._takers: deque[asyncio.Future[Job]] = deque()
        self._out_to: Counter[UUID] = Counter()
        self.waiting = 0
        self.out: set[Job] = set()
        """Jobs that were taken and are not done."""

    @property
    def are_dry(self) -> bool:
        """Whether somebody waits for a job."""
        return bool(self._takers)

    def put(self, job: Job) -> None:
        line = self._lines.get(job.endpoint_id)
        if line is None:
            line = self._lines[job.endpoint_id] = deque()
            self._turns.append(job.endpoint_id)
        line.append(job)
        self.waiting += 1
        self._hand_out()

    async def take(self) -> Job:
        """The next job in turn, once there is one that may be out."""
        job = self._next()
        if job is None:
            taker: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            self._run_dry()
            job = await taker
        return job

    def done(self, job: Job) -> None:
        self.out.discard(job)
        self._out_to[job.endpoint_id] -= 1
        if not self._out_to[job.endpoint_id]:
            del self._out_to[job.endpoint_id]
        if self.waiting:
            self._hand_out()

    def drop(self, endpoints: Collection[UUID]) -> list[Job]:
        """Take the whole lines of some endpoints away."""
        dropped: list[Job] = []
        for endpoint in endpoints:
            if line := self._lines.pop(endpoint, None):
                self._turns.remove(endpoint)
                dropped += line
        self.waiting -= len(dropped)
        return dropped

    def drop_all(self) -> list[Job]:
        return self.drop(list(self._lines))

    def longer_than(self, length: int) -> list[UUID]:
        """The endpoints for which more than `length` jobs wait."""
        return [id for id, line in self._lines.items() if len(line) > length]

    def _hand_out(self) -> None:
        while self._takers:
            if self._takers[0].done():  # it was cancelled
                self._takers.popleft()
            elif job := self._next():
                self._takers.popleft().set_result(job)
            else:
                return

    def _next(self) -> Job | None:
        free = self._slots - len(self.out)
        if free <= 0:
            return None
        for _ in range(len(self._turns)):
            endpoint = self._turns[0]
            line = self._lines[endpoint]
            most = line[0].subscriber.max_in_flight or PER_ENDPOINT
            if self._out_to[endpoint] >= max(1, min(most, free)):
                self._turns.rotate(-1)
                continue
            job = line.popleft()
            self._turns.popleft()
            if line:
                self._turns.append(endpoint)
            else:
                del self._lines[endpoint]
            self.waiting -= 1
            self._out_to[endpoint] += 1
            self.out.add(job)
            return job
        return None
