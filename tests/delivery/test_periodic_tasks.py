"""Periodic tasks run when they are due, one at a time, and none stops another."""

import asyncio
import itertools
import time
from dataclasses import replace

import pytest

from tests.waiting import eventually
from webhooks.delivery.database import DatabaseThread
from webhooks.delivery.periodic_tasks import ALONE, PeriodicTask, Scheduler, Turns


def run(*tasks, until=None, once=False, turns=ALONE):
    """Run the tasks until a condition holds, or each once; what `run_all` said."""

    async def running():
        thread = DatabaseThread("periodic tasks")
        try:
            scheduler = Scheduler(thread, tasks, turns)
            if once:
                return await scheduler.run_all()
            forever = asyncio.create_task(scheduler.run())
            await asyncio.to_thread(eventually, until)
            forever.cancel()
            with pytest.raises(asyncio.CancelledError):
                await forever
            return None
        finally:
            thread.close()

    return asyncio.run(running())


class Diary:
    def __init__(self):
        self.done = []

    def task(self, name, every=60.0, has_more=(), fails=False):
        left = iter(has_more)

        def work():
            self.done.append(name)
            if fails:
                raise ValueError("what a task may raise")
            return next(left, False)

        return PeriodicTask(name, every, work)


def test_it_runs_each_task_at_once_and_again_when_it_is_due():
    diary = Diary()
    began = time.monotonic()

    run(
        diary.task("often", 0.1),
        diary.task("seldom"),
        until=lambda: diary.done.count("often") >= 4,
    )

    assert diary.done.count("seldom") == 1
    assert time.monotonic() - began >= 0.3, "it waits between two runs"


def test_it_goes_on_with_a_task_that_has_more_to_do_but_others_come_between():
    diary = Diary()

    run(
        diary.task("prune", has_more=[True] * 5),
        diary.task("beat"),
        until=lambda: len(diary.done) == 7,
    )

    assert diary.done.count("prune") == 6
    assert diary.done[:2] == ["prune", "beat"], "no task waits for another's backlog"


def test_it_logs_a_task_that_fails_and_goes_on(caplog):
    diary = Diary()

    run(
        diary.task("bad", 0.1, fails=True),
        diary.task("good", 0.1),
        # It is tried again.
        until=lambda: min(map(diary.done.count, ("bad", "good"))) >= 2,
    )

    assert "The periodic task bad failed." in caplog.text
    assert "what a task may raise" in caplog.text


def test_it_runs_all_once_and_says_whether_there_is_more_to_do():
    diary = Diary()
    tidy, messy = diary.task("tidy"), diary.task("messy", has_more=[True])

    assert run(messy, tidy, once=True) is True
    assert run(messy, tidy, once=True) is False
    assert diary.done == ["messy", "tidy"] * 2


def test_it_never_runs_two_at_once():
    spans = []

    def slow():
        start = time.monotonic()
        time.sleep(0.05)
        spans.append((start, time.monotonic()))
        return False

    run(
        *(PeriodicTask(name, 0.01, slow) for name in "abc"),
        until=lambda: len(spans) > 6,
    )

    spans.sort()
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def test_it_runs_what_publishers_have_work_for_as_soon_as_it_is_woken():
    diary = Diary()
    woken = replace(diary.task("woken"), is_woken=True)
    with_scheduler(
        [woken, diary.task("other")],
        lambda scheduler: scheduler.wake(),
        until=lambda: len(diary.done) == 3,
        after=lambda: len(diary.done) == 2,
    )
    assert diary.done == ["woken", "other", "woken"]


def test_it_pauses_between_two_runs_however_often_it_is_woken():
    diary = Diary()
    began = time.monotonic()
    task = replace(diary.task("fan out", has_more=[True] * 2), is_woken=True, pause=0.1)
    with_scheduler(
        [task],
        lambda scheduler: [scheduler.wake() for _ in range(9)],
        until=lambda: len(diary.done) == 4,
        after=lambda: len(diary.done) == 3,
    )
    assert time.monotonic() - began >= 0.3


def test_it_pauses_for_as_long_as_it_works():
    began = []

    def work():
        began.append(time.monotonic())
        time.sleep(0.3)
        return True

    run(PeriodicTask("fan out", 60.0, work, pause=0.01), until=lambda: len(began) >= 3)

    assert all(after - before >= 0.6 for before, after in itertools.pairwise(began))


def test_what_it_is_woken_for_while_it_runs_is_not_missed():
    done = []

    def work():
        done.append(1)
        time.sleep(0.2)
        return False

    with_scheduler(
        [PeriodicTask("fan out", 60.0, work, is_woken=True)],
        lambda scheduler: scheduler.wake(),
        until=lambda: len(done) == 2,
        after=lambda: len(done) == 1,
    )


def with_scheduler(tasks, act, *, until, after):
    """Run the tasks; `act` once `after` holds, and end when `until` does."""

    async def running():
        thread = DatabaseThread("periodic tasks")
        try:
            scheduler = Scheduler(thread, tasks)
            forever = asyncio.create_task(scheduler.run())
            await asyncio.to_thread(eventually, after)
            act(scheduler)
            await asyncio.to_thread(eventually, until)
            forever.cancel()
            with pytest.raises(asyncio.CancelledError):
                await forever
        finally:
            thread.close()

    asyncio.run(running())


@pytest.mark.parametrize("ended", [0.0, 12.3, 1e6 + 0.999])
@pytest.mark.parametrize("every", [0.5, 1.0, 60.0])
def test_several_processes_together_run_a_task_as_often_as_one(every, ended):
    count = 3
    times = []
    for number in range(count):
        turns, now = Turns(number, count), ended
        for _ in range(4):
            now = turns.next(now, every)
            times.append(now)

    times.sort()
    assert times[0] > ended
    assert times[0] <= ended + every + 1e-6
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps == pytest.approx([every] * (4 * count - 1))


def test_a_process_alone_waits_from_the_end_of_a_run():
    assert ALONE.next(7.3, 0.5) == 7.8


def test_a_scheduler_leaves_the_turns_of_others():
    diary = Diary()
    began = time.monotonic()

    run(
        diary.task("shared", 0.1),
        until=lambda: len(diary.done) >= 3,
        turns=Turns(1, 10),
    )

    assert time.monotonic() - began >= 1, "at once, and then once in ten turns"


def test_what_is_a_process_s_own_has_no_turns():
    diary = Diary()
    began = time.monotonic()

    run(
        replace(diary.task("own", 0.1), is_own=True),
        until=lambda: len(diary.done) >= 3,
        turns=Turns(1, 1000),
    )

    assert time.monotonic() - began < 100, "where a turn comes once in that time"
