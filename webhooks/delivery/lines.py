"""Jobs that wait for a slot, in a line for each endpoint.

A free slot goes to the endpoint that has the fewest, in turn where several have as few,
and one endpoint never has more than are left free:
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
        # The endpoints that have a line and may be sent more, by how much is out to
        # them; at each level in their turn.
        self._levels: list[dict[UUID, None]] = [{} for _ in range(slots + 1)]
        self._lowest = 0  # no level below it has any
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
            line.append(job)
            self._enter(job.endpoint_id)
        else:
            line.append(job)
        self.waiting += 1
        if self._takers:
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

    def swap(self, job: Job) -> Job | None:
        """Say that a job is done, and take the next in turn if there is one at once."""
        endpoint = job.endpoint_id
        self.out.discard(job)
        if endpoint in self._lines:
            self._levels[self._out_to[endpoint]].pop(endpoint, None)
        self._out_to[endpoint] -= 1
        if not self._out_to[endpoint]:
            del self._out_to[endpoint]
        if endpoint in self._lines:
            self._enter(endpoint)
        following = self._next()
        if self._takers:
            self._hand_out()
        return following

    def drop(self, endpoints: Collection[UUID]) -> list[Job]:
        """Take the whole lines of some endpoints away."""
        dropped: list[Job] = []
        for endpoint in endpoints:
            if line := self._lines.pop(endpoint, None):
                self._levels[self._out_to[endpoint]].pop(endpoint, None)
                dropped += line
        self.waiting -= len(dropped)
        return dropped

    def drop_all(self) -> list[Job]:
        return self.drop(list(self._lines))

    def longer_than(self, length: int) -> list[UUID]:
        """The endpoints for which more than `length` jobs wait."""
        return [id for id, line in self._lines.items() if len(line) > length]

    def _enter(self, endpoint: UUID) -> None:
        """Have an endpoint with a line wait for its turn, unless it has its fill."""
        out = self._out_to[endpoint]
        most = self._lines[endpoint][0].subscriber.max_in_flight or PER_ENDPOINT
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
        most = self._slots - len(self.out)  # to one endpoint, see above
        while self._lowest < most and not self._levels[self._lowest]:
            self._lowest += 1
        if self._lowest >= most:
            return None
        level = self._levels[self._lowest]
        endpoint = next(iter(level))
        del level[endpoint]
        line = self._lines[endpoint]
        job = line.popleft()
        self._out_to[endpoint] += 1
        if line:
            self._enter(endpoint)
        else:
            del self._lines[endpoint]
        self.waiting -= 1
        self.out.add(job)
        return job
