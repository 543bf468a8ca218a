"""The circuit breaker as workers see it: nothing is sent while it is open but one probe
after each pause, and what waits consumes no attempts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.delivery.backlog import (
    all_due,
    deliver,
    publish,
    queued,
    setting,
    subscription,
    time_passes,
)
from tests.delivery.settlements import claimed, retry
from tests.delivery.workers import run_until
from webhooks.delivery import health, outbox
from webhooks.models import Attempt, Delivery, Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

PAUSE = health.FIRST_PAUSE + timedelta(milliseconds=500)


def endpoint():
    return Endpoint.objects.get()


def pause():
    """Seconds until the next probe."""
    return (endpoint().open_until - timezone.now()).total_seconds()


def opens_for(seconds):
    """What is done within opens the breaker for so long."""
    return setting(lambda: endpoint().open_until, seconds)


def gentle(*urls):
    """One request at a time, so that what is sent until it opens can be counted: what is
    under way by then, or not written yet, is beyond recall."""
    return subscription(*urls, max_in_flight=1)


def broken(receiver, count=30, **answer):
    """So many queued for an endpoint that fails, and the breaker open."""
    receiver.answer(**({"status": 500} | answer))
    publish(gentle(receiver.url()), count)
    deliver()
    assert endpoint().open_until is not None


def only_untried_wait():
    """The retries of those that were tried are hours away."""
    Delivery.objects.pending().filter(attempts__gt=0).update(
        due_at=timezone.now() + timedelta(hours=2)
    )


def test_five_failures_open_it_and_what_waits_consumes_no_attempts(
    receiver, monkeypatch
):
    # So long that it is still open below, on the busiest machine.
    monkeypatch.setattr(health, "FIRST_PAUSE", timedelta(minutes=5))
    with opens_for(300):
        broken(receiver)

    assert len(receiver.requests) == health.FAILURES_TO_OPEN
    untried = Delivery.objects.pending().filter(attempts=0)
    assert untried.count() == 25
    assert set(untried.values_list("claim_token", "lost_claims")) == {(None, 0)}
    assert endpoint().consecutive_failures == 5
    deliver()
    assert len(receiver.requests) == 5, "it is open"


def test_those_under_way_when_it_opens_do_not_prolong_it(receiver):
    receiver.answer(status=500, delay=0.5)
    queued(receiver.url(), 100)

    deliver(concurrency=16)

    # More than the five that open it, and not all.
    assert 5 < len(receiver.requests) < 100
    assert endpoint().consecutive_failures == len(receiver.requests)
    assert endpoint().trips == 1


def test_after_each_pause_goes_one_probe_and_the_pause_doubles(receiver):
    broken(receiver)
    for trips, seconds in ((2, 10), (3, 20), (4, 40)):
        sent = len(receiver.requests)
        time_passes(timedelta(seconds=pause() + 0.5))
        with opens_for(seconds):
            deliver()
        assert len(receiver.requests) == sent + 1
        assert endpoint().trips == trips


def test_the_next_probe_leaves_when_the_pause_is_over_whatever_its_claim_said(receiver):
    """A probe that fails is not followed only at the end of its lease."""
    broken(receiver)
    only_untried_wait()
    time_passes(PAUSE)

    with opens_for(10):
        outbox.settle([retry(job, timedelta(hours=2)) for job in claimed()])

    assert endpoint().next_due_at == endpoint().open_until


def test_a_probe_that_succeeds_wakes_what_waited(receiver):
    receiver.answer(status=500).answer(status=500).answer(status=500)
    receiver.answer(status=500).answer(status=500).answer(status=200)
    publish(gentle(receiver.url()), 10)
    deliver()
    time_passes(PAUSE)
    Delivery.objects.pending().filter(attempts=1).update(
        due_at=timezone.now() + timedelta(minutes=1)
    )

    deliver()

    assert Delivery.objects.filter(state="delivered").count() == 5
    now = endpoint()
    assert (now.consecutive_failures, now.trips) == (0, 0)
    assert (now.open_until, now.failing_since, now.probe_token) == (None, None, None)


def test_it_sends_no_second_probe_while_the_first_is_under_way(receiver):
    broken(receiver)
    time_passes(PAUSE)

    (probe,) = outbox.claim(limit=10).ids

    assert outbox.claim(limit=10).ids == []
    publish(Endpoint.objects.get().subscription, 2)
    assert outbox.claim(limit=10).ids == [], "nor for what is published meanwhile"
    assert endpoint().probe_token == Delivery.objects.get(id=probe).claim_token


def test_several_workers_send_one_probe_between_them(receiver):
    broken(receiver, delay=0.1)
    time_passes(PAUSE)

    run_until(lambda: endpoint().trips == 2, count=3)

    assert len(receiver.requests) == 6


def test_a_probe_that_dies_with_its_worker_is_followed_by_another(receiver):
    broken(receiver)
    time_passes(PAUSE)
    assert len(outbox.claim(limit=10).ids) == 1
    time_passes(timedelta(seconds=outbox.LEASE - 5))
    assert outbox.claim(limit=10).ids == []

    time_passes(timedelta(seconds=6))

    assert len(outbox.claim(limit=10).ids) == 1
    assert Attempt.objects.count() == 5


def test_a_probe_that_is_given_back_lets_another_be_sent(receiver):
    broken(receiver)
    time_passes(PAUSE)
    outbox.release(outbox.load(outbox.claim(limit=10)))

    assert endpoint().probe_token is None
    assert len(outbox.claim(limit=10).ids) == 1
    assert outbox.claim(limit=10).ids == []


def test_a_probe_that_is_quarantined_lets_another_be_sent(receiver):
    broken(receiver)
    only_untried_wait()
    Delivery.objects.filter(attempts=0).update(
        lost_claims=outbox.MAX_LOST_CLAIMS - 1, is_begun=True, claim_token=None
    )
    first = Delivery.objects.filter(attempts=0).order_by("due_at")[0]
    Delivery.objects.filter(id=first.id).update(
        claim_token=first.id, due_at=timezone.now() - timedelta(minutes=1)
    )
    time_passes(PAUSE)

    assert outbox.claim(limit=10).ids == []
    assert Delivery.objects.get(id=first.id).reason == outbox.QUARANTINED

    assert len(outbox.claim(limit=10).ids) == 1


def test_a_probe_that_fails_on_our_side_proves_nothing(receiver):
    broken(receiver)
    time_passes(PAUSE)
    Delivery.objects.update(profile="gone")

    deliver()

    assert len(receiver.requests) == 5
    now = endpoint()
    assert (now.consecutive_failures, now.trips) == (5, 1)
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"status", "error"}


def test_one_that_has_recovered_is_not_called_failing_for_old_failures(receiver):
    for _ in range(4):
        receiver.answer(status=500)
    receiver.answer(status=200)
    for _ in range(4):
        receiver.answer(status=500)
    receiver.answer(status=200)
    publish(gentle(receiver.url()), 10)

    deliver()

    assert len(receiver.requests) == 10
    assert endpoint().trips == 0


def test_it_pauses_at_once_for_a_receiver_that_asks_to_slow_down(receiver):
    with opens_for(5):
        broken(receiver, status=429)

    assert len(receiver.requests) == 1
    assert (endpoint().consecutive_failures, endpoint().trips) == (1, 1)


@pytest.mark.parametrize(
    ("status", "asked", "seconds"), [(503, 60, 60), (429, 86_400, 3600)]
)
def test_a_retry_after_pauses_the_endpoint_but_an_hour_at_most(
    receiver, status, asked, seconds
):
    tried = Delivery.objects.filter(attempts=1)
    with opens_for(seconds), setting(lambda: tried.get().due_at, asked):
        broken(receiver, status=status, headers={"Retry-After": str(asked)})

    assert len(receiver.requests) == 1
    all_due()
    deliver()
    assert len(receiver.requests) == 2, "then one probe"


def test_the_endpoints_of_a_subscription_break_apart(receiver):
    receiver.answer("/bad", status=500).answer("/good", status=200)
    publish(gentle(receiver.url("/bad"), receiver.url("/good")), 12)

    deliver()

    assert [request.path for request in receiver.requests].count("/bad") == 5
    delivered = Delivery.objects.filter(state="delivered", event__type="order.created")
    assert set(delivered.values_list("url", flat=True)) == {receiver.url("/good")}
    assert delivered.count() == 12
