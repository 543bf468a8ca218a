"""A publish is heard of at once, and found anyway where it was not."""

import threading
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from tests.delivery.backlog import publish, subscription
from tests.delivery.workers import in_thread, run_until
from tests.waiting import PATIENCE
from webhooks.delivery import outbox, wakeups, worker
from webhooks.management.commands import deliver
from webhooks.models import Delivery, Endpoint
from webhooks.operations import fanouts

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"


@asynccontextmanager
async def deaf(wake):
    """In place of `wakeups.listening`: every notification is lost."""
    yield


@pytest.fixture
def claims(monkeypatch):
    """Every claim, in the order in which they begin; what one took is added at its end."""
    made, claim = [], outbox.claim

    def counted(**options):
        taken = []
        made.append(taken)
        found = claim(**options)
        taken.extend(found.ids)
        return found

    monkeypatch.setattr(outbox, "claim", counted)
    return made


def publish_while_idle(receiver, claims, *more):
    """Publish to a worker that has nothing to do, and wait until it arrives; how many
    claims had begun when it was published."""
    hook = subscription(receiver.url(), *map(receiver.url, more))
    before = []

    def arrived():
        if claims and not before:
            time.sleep(0.5)  # no answer is awaited: it is idle
            publish(hook)
            before.append(len(claims))
        return receiver.requests

    run_until(arrived)
    return before[0]


def test_what_is_published_while_idle_leaves_without_a_poll(
    receiver, monkeypatch, claims
):
    monkeypatch.setattr(worker, "POLL_INTERVAL", 24 * 3600)

    publish_while_idle(receiver, claims)


def test_a_fan_out_that_is_left_to_workers_is_begun_without_a_poll(
    receiver, monkeypatch, claims
):
    monkeypatch.setattr(fanouts, "PIECE", 1)
    monkeypatch.setattr(worker, "POLL_INTERVAL", 24 * 3600)
    # Read by the worker that is made below: what is due again only after a day.
    monkeypatch.setattr(
        deliver,
        "PERIODIC_TASKS",
        [replace(fanouts.PERIODIC_TASK, every=24 * 3600)],
    )

    publish_while_idle(receiver, claims, "/second")
    assert Delivery.objects.count() == 2


def test_a_lost_notification_costs_a_poll(receiver, monkeypatch, claims):
    monkeypatch.setattr(wakeups, "listening", deaf)

    before = publish_while_idle(receiver, claims)

    first = next(n for n, taken in enumerate(claims) if taken)
    assert first <= before, "no poll that began later came back empty"


def test_it_forgets_nothing_that_is_published_while_endpoints_are_put_to_sleep():
    hooks = [subscription(f"{URL}/{n}") for n in range(3)]
    ended = threading.Event()

    def put_to_sleep():
        while not ended.is_set():
            outbox.put_idle_endpoints_to_sleep()

    sleeping = threading.Thread(target=in_thread, args=(put_to_sleep,))
    sleeping.start()
    try:
        for n in range(60):
            publish(hooks[n % 3])
            assert len(outbox.claim(limit=10).ids) == 1, "seen at once, by every claim"
    finally:
        ended.set()
        sleeping.join()


@pytest.mark.postgresql("SQLite has one writer at a time")
def test_it_does_not_put_an_endpoint_to_sleep_while_a_publish_is_uncommitted():
    hook = subscription(URL)
    Endpoint.objects.update(next_due_at=timezone.now() - timedelta(seconds=1))
    with transaction.atomic():
        publish(hook)  # it is awake already: nothing is written to it
        sleeping = threading.Thread(
            target=in_thread, args=(outbox.put_idle_endpoints_to_sleep,)
        )
        sleeping.start()
        sleeping.join(PATIENCE)
        assert not sleeping.is_alive(), "nor is it waited for"

    assert len(outbox.claim(limit=10).ids) == 1


def test_reconciling_finds_what_no_wake_up_announced():
    publish(subscription(URL))
    Endpoint.objects.update(next_due_at=None)
    assert outbox.claim(limit=10).ids == []

    outbox.reconcile()

    assert outbox.claim(limit=10).ids == [Delivery.objects.get().id]
