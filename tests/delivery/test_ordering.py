"""Strict order: of a subscription's deliveries the next one leaves when the one before it
has settled for good."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from tests.delivery.backlog import all_due, deliver, publish, subscription
from tests.delivery.workers import run_until
from webhooks.delivery import outbox
from webhooks.models import Attempt, Delivery
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)


def ordered(*urls, **fields):
    return subscription(*urls, is_ordered=True, **fields)


def arrived(receiver):
    """The ids of the events, in the order in which requests came."""
    return [request.header("webhook-id") for request in receiver.requests]


def events(deliveries):
    return [str(delivery.event_id) for delivery in deliveries]


def is_over():
    return not Delivery.objects.pending().exists()


def test_several_workers_send_one_at_a_time_in_the_order_of_publishing(receiver):
    receiver.answer(delay=0.02)
    queue = publish(ordered(receiver.url()), 12)

    run_until(is_over, count=3)

    assert arrived(receiver) == events(queue)
    spans = Attempt.objects.order_by("started_at")
    for (started, lasted), (following, _) in pairwise(
        spans.values_list("started_at", "duration_ms")
    ):
        assert following - started >= timedelta(milliseconds=lasted - 1)


def test_what_follows_waits_for_the_retries_of_a_failure(receiver):
    receiver.answer(status=500).answer(status=500).answer(status=200)
    first, _ = queue = publish(ordered(receiver.url()), 2)

    deliver()
    deliver()
    assert arrived(receiver) == events([first]), "it waits for its retry"
    all_due()
    deliver()
    assert arrived(receiver) == events([first, first])
    all_due()
    deliver()

    assert arrived(receiver) == events([first, first, *queue])


def test_what_is_exhausted_holds_back_nothing_any_more(receiver):
    receiver.answer(status=500).answer(status=200)
    first, second = publish(ordered(receiver.url()), 2)
    Delivery.objects.filter(id=first.id).update(attempts=9)  # of ten

    deliver()

    assert arrived(receiver) == events([first, second])
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("exhausted", "delivered")


def test_a_slow_receiver_gets_the_next_as_soon_as_it_has_answered(receiver):
    """Also when claims have found meanwhile that there was nothing to send."""
    receiver.answer(delay=1.3)
    queue = publish(ordered(receiver.url()), 2)

    # Where nothing wakes it, the next leaves at the end of a lease, or when all endpoints
    # are looked at once a minute.
    run_until(lambda: len(receiver.requests) == 2, seconds=20)

    assert arrived(receiver) == events(queue)


def test_a_dead_workers_claim_holds_the_order_until_its_lease_is_over(receiver):
    queue = publish(ordered(receiver.url()), 2)
    assert outbox.claim(limit=10).ids == [queue[0].id]

    assert outbox.claim(limit=10).ids == []
    all_due()
    deliver()

    assert arrived(receiver) == events(queue)


def test_each_endpoint_has_an_order_of_its_own(receiver):
    receiver.answer("/a", status=500).answer("/b", status=200)
    queue = publish(ordered(receiver.url("/a"), receiver.url("/b")), 3)

    deliver()

    paths = [request.path for request in receiver.requests]
    assert (paths.count("/a"), paths.count("/b")) == (1, 3)
    to_b = [r.header("webhook-id") for r in receiver.requests if r.path == "/b"]
    assert to_b == events(d for d in queue if d.url == receiver.url("/b"))


def test_order_that_is_asked_for_later_holds_for_what_waits(receiver):
    hook = subscription(receiver.url())
    queue = publish(hook, 6)
    Delivery.objects.filter(id=queue[0].id).update(
        due_at=timezone.now() + timedelta(minutes=5), attempts=1
    )

    subscriptions.update(by=SYSTEM, subscription=hook, change={"is_ordered": True})
    deliver()
    assert arrived(receiver) == [], "the first waits for its retry"
    all_due()
    deliver()

    assert arrived(receiver) == events(queue)
