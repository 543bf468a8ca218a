"""A worker that is told to stop: it finishes, gives back, and ends in any case."""

import asyncio
import threading
import time

import pytest
from django.db import OperationalError
from django.utils import timezone

from tests.delivery.backlog import (
    all_due,
    deliver,
    only,
    queued,
)
from tests.delivery.workers import stop_when
from webhooks.delivery import outbox, worker
from webhooks.delivery.backends import local
from webhooks.management.commands.deliver import make_worker
from webhooks.models import (
    Delivery,
)

pytestmark = pytest.mark.django_db(transaction=True)


def run_and_stop(condition, *, concurrency=2, then=lambda: None):
    """Run a worker until the condition holds, stop it and call `then`; the seconds it
    then took to end."""

    async def run():
        running = make_worker(concurrency=concurrency)
        task = asyncio.create_task(running.run())
        await stop_when(condition, running)
        stopped = time.monotonic()
        then()
        await task
        return time.monotonic() - stopped

    return asyncio.run(run())


def test_when_stopped_it_finishes_what_is_sent_and_gives_back_the_rest(receiver):
    answers = threading.Event()
    receiver.answer().answer(until=answers)
    queued(receiver.url(), 6)
    soon = threading.Timer(0.5, answers.set)

    took = run_and_stop(lambda: len(receiver.requests) == 2, then=soon.start)

    assert took < worker.GRACE
    # It sends no other unless it is slower to stop than the receiver to answer.
    sent = len(receiver.requests)
    assert 2 <= sent < 6
    assert sorted(Delivery.objects.values_list("state", flat=True)) == [
        *["delivered"] * sent,
        *["pending"] * (6 - sent),
    ]
    waiting = Delivery.objects.pending()
    assert set(waiting.values_list("claim_token", "lost_claims")) == {(None, 0)}
    assert not waiting.filter(due_at__gt=timezone.now()).exists()


def test_when_stopped_it_does_not_wait_for_ever_for_an_answer(receiver, monkeypatch):
    monkeypatch.setattr(worker, "GRACE", 0.3)
    receiver.answer(until=threading.Event())
    queued(receiver.url())

    run_and_stop(lambda: len(receiver.requests) == 1)

    assert only().state == Delivery.State.PENDING
    assert only().claim_token is None
    assert outbox.claim(limit=1).ids == [only().id]


def test_when_stopped_while_the_database_is_away_it_still_ends(
    receiver, monkeypatch, caplog
):
    def away(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(worker, "GRACE", 0.2)
    monkeypatch.setattr(worker, "LAST_CLAIM", 0.2)
    monkeypatch.setattr(local, "LAST_WRITES", 0.2)
    queued(receiver.url())
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "settle", away)
        real, calls = outbox.claim, []

        def claim_once(**options):
            calls.append(options)
            return real(**options) if len(calls) == 1 else away()

        patch.setattr(outbox, "claim", claim_once)

        run_and_stop(lambda: receiver.requests and len(calls) > 1)

    assert "1 deliveries are left to their leases" in caplog.text
    all_due()
    deliver()
    assert only().state == Delivery.State.DELIVERED


def test_stopped_before_it_has_begun_it_does_nothing(receiver):
    queued(receiver.url())

    async def run():
        stopped = make_worker(concurrency=1)
        stopped.stop()
        await stopped.run()

    asyncio.run(run())

    assert receiver.requests == []
    assert only().claim_token is None
