"""How fast an endpoint is called, and with how much at once, whoever calls."""

import time
from datetime import timedelta

import pytest

from tests.delivery.backlog import publish, queued, subscription, time_passes
from tests.delivery.settlements import claimed, result
from tests.delivery.workers import run_until
from webhooks.delivery import outbox
from webhooks.models import Attempt, Delivery, Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"
BURST = 0.5  # seconds' worth that may go early


def test_workers_together_keep_to_the_rate_and_use_it(receiver):
    rate = 20  # a second
    publish(subscription(receiver.url(), rate_per_minute=60 * rate), 60)
    started = time.time()

    took = run_until(lambda: len(receiver.requests) >= 40, count=3)

    for n, request in enumerate(receiver.requests):
        earliest = (n - 1) / rate - BURST
        assert request.at - started >= earliest, f"request {n} came too early"
    assert took < 20, "a tenth of the rate at least, on the busiest machine"


def test_a_rate_holds_through_claims_that_take_all_they_can():
    publish(subscription(URL, rate_per_minute=60), 30)

    assert len(outbox.claim(limit=100).ids) == 1
    assert outbox.claim(limit=100).ids == []
    assert not outbox.is_idle(), "what waits for its turn is no idleness"
    Endpoint.objects.update(
        paced_until=Endpoint.objects.get().paced_until - timedelta(seconds=10),
        next_due_at=None,
    )
    outbox.reconcile()
    # An idle time is not saved up: it was not sent for want of anything to send.
    assert len(outbox.claim(limit=100).ids) == 1


def test_a_burst_is_half_a_seconds_worth():
    publish(subscription(URL, rate_per_minute=6000), 100)

    assert len(outbox.claim(limit=100).ids) == 51
    assert len(outbox.claim(limit=100).ids) <= 49


def test_each_endpoint_has_a_rate_of_its_own():
    publish(subscription(URL + "/a", URL + "/b", rate_per_minute=60), 5)

    claim = outbox.claim(limit=100)

    urls = Delivery.objects.filter(id__in=claim.ids).values_list("url", flat=True)
    assert sorted(urls) == [URL + "/a", URL + "/b"]


def test_workers_together_have_no_more_under_way_than_is_taken(receiver):
    receiver.answer(delay=0.05)
    publish(subscription(receiver.url(), max_in_flight=2), 16)

    run_until(lambda: not Delivery.objects.pending().exists(), count=3)

    spans = [
        (a.started_at, a.started_at + timedelta(milliseconds=a.duration_ms - 1))
        for a in Attempt.objects.all()
    ]
    at_once = [sum(begin <= at < end for begin, end in spans) for at, _ in spans]
    assert max(at_once) == 2


def test_a_claim_takes_of_one_endpoint_what_it_is_told_at_most():
    queued(URL, 40)

    claim = outbox.claim(limit=30, most=20)

    assert len(claim.ids) == 20
    assert claim.has_more
    assert outbox.claim(limit=30, full=[Endpoint.objects.get().id]).ids == []
    assert len(outbox.claim(limit=30).ids) == 20
    assert not outbox.claim(limit=30).has_more


def test_a_rate_holds_in_order_too():
    hook = subscription(URL, rate_per_minute=60, is_ordered=True)
    publish(hook)
    (sent,) = claimed()
    outbox.settle([result(sent)])

    publish(hook)  # which wakes the endpoint

    assert claimed() == []
    assert not outbox.is_idle(), "it waits for its turn"
    time_passes(timedelta(seconds=1))
    Endpoint.objects.update(
        paced_until=Endpoint.objects.get().paced_until - timedelta(seconds=1)
    )
    assert len(claimed()) == 1
