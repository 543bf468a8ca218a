"""Large events: a worker holds few of them at once, and writes few at once."""

import pytest

from tests.delivery.backlog import deliver, publish, subscription
from tests.delivery.workers import run_until
from webhooks.delivery import outbox
from webhooks.delivery.backends import local
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

LARGE = {"text": "x" * 200_000}


def test_fewer_are_claimed_at_once_of_large_events(receiver):
    receiver.answer(delay=0.2)
    publish(subscription(*(receiver.url(f"/{n}") for n in range(8))), 4, data=LARGE)
    held = set()

    def all_arrived():
        held.add(Delivery.objects.filter(claim_token__isnull=False).count())
        return Delivery.objects.filter(state="delivered").count() == 32

    run_until(all_arrived, concurrency=4)

    # The first claim does not know; 24 of the usual size would be held.
    assert max(held) <= 12


def test_few_results_with_large_bodies_are_written_at_once(receiver, monkeypatch):
    receiver.answer(delay=0.2)
    monkeypatch.setattr(local, "SETTLE_BYTES", 450_000)
    publish(subscription(*(receiver.url(f"/{n}") for n in range(8))), data=LARGE)
    publish(subscription(receiver.url("/9")), data={"text": "x" * 250_000})
    settle, written = outbox.settle, []

    def noted(settlements, **options):
        written.append(
            [len(s.attempt.request_body) for s in settlements if s.attempt is not None]
        )
        return settle(settlements, **options)

    monkeypatch.setattr(outbox, "settle", noted)
    deliver(concurrency=20)

    assert sum(map(len, written)) == 9
    assert max(map(sum, written)) <= 450_000


def test_a_result_that_is_larger_than_that_is_written_by_itself(receiver, monkeypatch):
    monkeypatch.setattr(local, "SETTLE_BYTES", 100_000)
    publish(subscription(receiver.url()), 3, data=LARGE)

    deliver()

    assert Delivery.objects.filter(state="delivered").count() == 3
