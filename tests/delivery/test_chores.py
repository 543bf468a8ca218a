"""Chores go round: each when it is due, one at a time, and none of them stops another."""

import asyncio
import itertools
import time

import pytest

from webhooks.delivery import chores
from webhooks.delivery.chores import Chore, Rounds
from webhooks.delivery.database import DatabaseThread


def walk(*all_chores, seconds=None, once=False):
    """Walk for some seconds, or once; what `walk_once` said."""

    async def run():
        thread = DatabaseThread("chores")
        try:
            rounds = Rounds(thread, all_chores)
            if once:
                return await rounds.walk_once()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(seconds):
                    await rounds.walk()
            return None
        finally:
            thread.close()

    return asyncio.run(run())


class Diary:
    def __init__(self):
        self.done = []

    def chore(self, name, every=60.0, has_more=(), fails=False):
        left = iter(has_more)

        def run():
            self.done.append(name)
            if fails:
                raise ValueError("what a chore may raise")
            return next(left, False)

        return Chore(name, every, run)


def test_each_is_done_at_once_and_again_when_its_time_has_come():
    diary = Diary()

    walk(diary.chore("often", 0.1), diary.chore("seldom"), seconds=0.55)

    assert diary.done.count("seldom") == 1
    assert 2 <= diary.done.count("often") <= 6


def test_one_that_has_more_to_do_goes_on_but_others_come_between():
    diary = Diary()

    walk(diary.chore("prune", has_more=[True] * 5), diary.chore("beat"), seconds=0.5)

    assert diary.done.count("prune") == 6
    assert diary.done[:2] == ["prune", "beat"], "no chore waits for another's backlog"


def test_one_that_fails_is_logged_and_stops_nobody(caplog):
    diary = Diary()

    walk(diary.chore("bad", 0.1, fails=True), diary.chore("good", 0.1), seconds=0.35)

    assert diary.done.count("bad") >= 2, "it is tried again"
    assert diary.done.count("good") >= 2
    assert "The chore bad failed." in caplog.text
    assert "what a chore may raise" in caplog.text


def test_walking_once_does_each_and_says_whether_there_is_more():
    diary = Diary()
    tidy, messy = diary.chore("tidy"), diary.chore("messy", has_more=[True])

    assert walk(messy, tidy, once=True) is True
    assert walk(messy, tidy, once=True) is False
    assert diary.done == ["messy", "tidy"] * 2


def test_it_never_does_two_at_once():
    spans = []

    def slow():
        start = time.monotonic()
        time.sleep(0.05)
        spans.append((start, time.monotonic()))
        return False

    walk(*(Chore(name, 0.01, slow) for name in "abc"), seconds=0.4)

    spans.sort()
    assert len(spans) > 3
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def test_a_chore_registered_again_replaces_the_one_of_its_name(monkeypatch):
    monkeypatch.setattr(chores, "_chores", {})
    diary = Diary()
    chores.register(diary.chore("prune", 1))
    later = diary.chore("prune", 2)
    chores.register(later)

    assert chores.registered() == (later,)
