"""Endpoint queues give slots to endpoints in turn, and none more than are free."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhooks.delivery.backends.local import LocalBackend
from webhooks.delivery.endpoint_queues import PER_ENDPOINT, EndpointQueues
from webhooks.delivery.job import Job, Subscriber

A, B, C, D = (UUID(int=number) for number in range(1, 5))


def job(endpoint, max_in_flight=None, partner=None):
    return Job(
        id=endpoint,
        token=endpoint,
        until=time.monotonic() + 60,
        event_id=endpoint,
        event_type="order.created",
        occurred_at=datetime.now(UTC),
        data="{}",
        subscriber=Subscriber(
            id=endpoint,
            partner_id=partner or endpoint,
            public_id="hook",
            is_deleted=False,
            sealed_secrets=[],
            max_in_flight=max_in_flight,
        ),
        endpoint_id=endpoint,
        url="https://receiver.example.com/",
        profile="standard",
        attempts=0,
    )


class Crew:
    """As many senders as they are told, each with one job at a time."""

    def __init__(self, slots, senders=None):
        self.queues = EndpointQueues(slots=slots)
        self.taken = []
        self.senders = senders or slots

    def start(self):
        self.tasks = [asyncio.create_task(self._take()) for _ in range(self.senders)]

    async def _take(self):
        self.taken.append(await self.queues.take())

    async def done(self, job):
        if following := self.queues.take_after(job):
            self.taken.append(following)
        else:
            self.tasks.append(asyncio.create_task(self._take()))
        await self.settle()

    async def settle(self):
        for _ in range(3):
            await asyncio.sleep(0)

    def out(self):
        return Counter(job.endpoint_id for job in self.queues.out)

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def run(slots, work, *, senders=None):
    async def scene():
        crew = Crew(slots, senders)
        crew.start()
        await crew.settle()
        try:
            return await work(crew)
        finally:
            await crew.stop()

    return asyncio.run(scene())


def put(crew, endpoint, count, **fields):
    for _ in range(count):
        crew.queues.put(job(endpoint, **fields))
    return crew.settle()


def test_one_endpoint_alone_leaves_half_of_the_slots_free():
    async def work(crew):
        await put(crew, A, 100)
        alone = crew.out()[A]
        await put(crew, B, 100)
        return alone, crew.out()[B]

    # Half of what A has left goes to B, and so on: nobody finds no slot at all.
    assert run(40, work) == (20, 10)


def test_the_share_of_each_grows_as_others_finish():
    async def work(crew):
        await put(crew, A, 100)
        await put(crew, B, 100)
        for done in [j for j in crew.queues.out if j.endpoint_id == A]:
            crew.queues.drop([A])
            await crew.done(done)
        return crew.out()

    assert run(40, work) == {B: 20}


def test_no_endpoint_has_more_than_fifty_or_than_it_takes():
    async def work(crew):
        await put(crew, A, 300)
        await put(crew, B, 300, max_in_flight=3)
        return crew.out()

    assert run(300, work) == {A: PER_ENDPOINT, B: 3}


def test_a_limit_that_was_raised_holds_for_those_that_wait():
    async def work(crew):
        await put(crew, A, 2, max_in_flight=1)
        await put(crew, A, 20)
        for _ in range(2):
            await crew.done(next(iter(crew.queues.out)))
        return crew.out()[A]

    assert run(8, work) == 4


def test_the_endpoint_that_comes_last_does_not_wait_for_those_before():
    async def work(crew):
        for endpoint in (A, B, C):
            await put(crew, endpoint, 1000)
        await put(crew, D, 1)
        return crew.out()[D]

    assert run(8, work) == 1


def test_slots_are_given_in_turn():
    async def work(crew):
        for endpoint in (A, B, C):
            await put(crew, endpoint, 50)
        while len(crew.taken) < 60:
            await crew.done(next(iter(crew.queues.out)))
        return Counter(job.endpoint_id for job in crew.taken[-30:])

    assert run(1, work) == {A: 10, B: 10, C: 10}


def test_it_drops_whole_queues_and_nothing_of_others():
    async def work(crew):
        await put(crew, A, 5)
        await put(crew, B, 4)
        dropped = crew.queues.drop([A, C])
        assert {job.endpoint_id for job in dropped} == {A}
        assert crew.queues.waiting == 9 - len(dropped) - len(crew.queues.out)
        assert crew.queues.longer_than(0) == [B]
        assert {job.endpoint_id for job in crew.queues.drop_all()} == {B}
        assert crew.queues.waiting == 0

    run(1, work)


def test_a_sender_that_was_cancelled_takes_no_job_with_it():
    async def work(crew):
        for task in crew.tasks[:3]:
            task.cancel()
        await put(crew, A, 1)
        return len(crew.taken)

    assert run(4, work) == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from([A, B, C, D]), st.integers(1, 9)),
        st.tuples(st.just("done"), st.integers(0, 99), st.just(0)),
        st.tuples(st.just("drop"), st.sampled_from([A, B, C, D]), st.just(0)),
    ),
    max_size=60,
)
LIMITS = {A: 1, B: 3, C: None, D: None}


@settings(max_examples=150, deadline=None)
@given(slots=st.integers(1, 12), more=st.integers(0, 3), steps=STEPS)
def test_it_keeps_to_its_slots_and_leaves_none_idle_while_a_job_may_be_out(
    slots, more, steps
):
    async def work(crew):
        added = dropped = 0
        for step, which, count in steps:
            if step == "put":
                added += count
                await put(crew, which, count, max_in_flight=LIMITS[which])
            elif step == "drop":
                dropped += len(crew.queues.drop([which]))
            elif crew.queues.out:
                jobs = sorted(crew.queues.out, key=lambda job: job.endpoint_id)
                await crew.done(jobs[which % len(jobs)])
            out = crew.out()
            free = slots - out.total()
            assert free >= 0
            assert all(out[e] <= (most or PER_ENDPOINT) for e, most in LIMITS.items())
            assert crew.queues.waiting + len(crew.taken) + dropped == added
            if free:
                for endpoint in crew.queues.longer_than(0):
                    most = LIMITS[endpoint] or PER_ENDPOINT
                    assert out[endpoint] >= max(1, min(most, free)), "it could be sent"

    run(slots, work, senders=slots + more)


@pytest.mark.parametrize("slow", [3, 60, 150])
def test_many_slow_endpoints_leave_room_for_one_that_has_nothing_here(slow):
    """However unevenly their jobs were claimed."""

    async def fill():
        backend = LocalBackend(
            concurrency=200, tasks=None, claims=None, notify=None, has_room=lambda: None
        )
        endpoints = [UUID(int=number) for number in range(slow)]
        while (room := backend.room) > 0:
            full = {*backend.full}
            more = [endpoint for endpoint in endpoints if endpoint not in full]
            if not more:
                break
            most = -(-room // 2)  # of one endpoint, as a worker claims
            await backend.take([job(more[0]) for _ in range(most)])
        return backend

    backend = asyncio.run(fill())
    assert backend.room > 0
    assert UUID(int=slow) not in backend.full


def test_many_slow_endpoints_of_a_partner_leave_slots_to_other_partners():
    async def work(crew):
        for number in range(100, 400):
            await put(crew, UUID(int=number), 3, partner=A)
        of_one = crew.out().total()
        await put(crew, B, 100)
        beside = crew.out()[B]
        for mine in [each for each in crew.queues.out if each.endpoint_id == B]:
            await crew.done(mine)
        return of_one, beside, crew.out()[B]

    of_one, beside, later = run(80, work)
    assert of_one == 70
    assert beside == later == 5
