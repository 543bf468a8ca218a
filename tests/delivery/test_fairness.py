"""An endpoint with a great deal to send does not delay those with a little."""

import threading
from collections import Counter
from dataclasses import replace

import pytest

from tests.delivery.backlog import publish, subscription
from tests.delivery.workers import run_until
from webhooks.delivery import outbox, standard, wire, worker
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/"


def by_url(claim):
    found = Delivery.objects.filter(id__in=claim.ids)
    return Counter(found.values_list("url", flat=True))


def test_a_claim_goes_from_endpoint_to_endpoint():
    publish(subscription(URL + "big"), 900)
    for n in range(10):
        publish(subscription(URL + str(n)), 5)

    taken = by_url(outbox.claim(limit=60))

    assert taken.pop(URL + "big") == 10, "what the others leave"
    assert set(taken.values()) == {5}
    assert len(taken) == 10


def test_small_claims_reach_every_one_of_many_endpoints():
    for n in range(30):
        publish(subscription(URL + str(n)), 4)

    taken = Counter()
    for _ in range(12):
        taken += by_url(outbox.claim(limit=10))

    assert set(taken.values()) == {4}
    assert len(taken) == 30


def test_workers_that_claim_at_once_share_the_endpoints():
    """On PostgreSQL a claim passes over the endpoints that another is looking at."""
    for n in range(8):
        publish(subscription(URL + str(n)), 10)

    first, second = outbox.claim(limit=40), outbox.claim(limit=40)

    assert len(first.ids) == len(second.ids) == 40
    assert set(first.ids).isdisjoint(second.ids)


@pytest.mark.parametrize("slow", [1, 3])
def test_endpoints_that_do_not_answer_do_not_delay_others(receiver, monkeypatch, slow):
    """Not even while each of them has a hundred times as many slots' worth waiting."""
    monkeypatch.setattr(worker, "GRACE", 0.2)
    # No answer and no deadline of theirs gives the other a slot.
    profile = replace(wire.profile(standard.NAME), timeout=outbox.LEASE / 2)
    monkeypatch.setitem(wire._profiles, standard.NAME, profile)
    for n in range(slow):
        receiver.answer(f"/slow{n}", until=threading.Event())
        publish(subscription(receiver.url(f"/slow{n}")), 800)
    receiver.answer("/well")
    well = subscription(receiver.url("/well"))
    published = []

    def is_over():
        """Once the slow ones hold their slots, publish to the other, one at a time."""
        paths = Counter(request.path for request in receiver.requests)
        if paths.total() - paths["/well"] < 4 or paths["/well"] < len(published):
            return False
        if len(published) == 10:
            return True
        published.extend(publish(well))
        return False

    run_until(is_over, concurrency=8, seconds=outbox.LEASE / 2)

    assert Endpoint.objects.filter(trips__gt=0).count() == 0, "no breaker helped"
