"""Periodic tasks run when they are due, one at a time, and none stops another."""

import asyncio
import itertools
import time

import pytest

from tests.waiting import eventually
from webhooks.delivery.database import DatabaseThread
from webhooks.delivery.periodic_tasks import PeriodicTask, Scheduler


def run(*tasks, until=None, once=False):
    """Run the tasks until a condition holds, or each once; what `run_all` said."""

    async def running():
        thread = DatabaseThread("periodic tasks")
        try:
            scheduler = Scheduler(thread, tasks)
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
