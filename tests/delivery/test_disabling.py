"""Endpoints that are given up: at 410, and after days of nothing but failure."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.delivery.backlog import all_due, deliver, publish, subscription
from tests.delivery.settlements import claimed, result, retry
from webhooks.delivery import health, outbox
from webhooks.models import Delivery, Endpoint, Subscription

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"


def failing_for(days, *, failures=9):
    Endpoint.objects.update(
        consecutive_failures=failures,
        failing_since=timezone.now() - timedelta(days=days),
    )


def test_410_disables_at_once_and_ends_what_waits(receiver):
    receiver.answer(status=410)
    publish(subscription(receiver.url(), max_in_flight=1), 20)

    deliver()

    assert len(receiver.requests) == 1
    gone = Endpoint.objects.get()
    assert gone.disabled_reason == health.GONE_REASON
    assert gone.disabled_at is not None
    hook = Subscription.objects.get()
    assert (hook.disabled_at, hook.disabled_reason) == (
        gone.disabled_at,
        gone.disabled_reason,
    )
    assert set(Delivery.objects.values_list("state", "reason", "claim_token")) == {
        ("cancelled", health.GONE_REASON, None)
    }
    assert outbox.is_idle()
    assert publish(hook) == []


def test_the_other_endpoints_of_a_subscription_go_on(receiver):
    receiver.answer("/gone", status=410).answer("/here")
    hook = subscription(receiver.url("/gone"), receiver.url("/here"))
    publish(hook, 3)

    deliver()
    publish(hook)
    deliver()

    hook.refresh_from_db()
    assert hook.disabled_at is None
    delivered = Delivery.objects.filter(state="delivered", event__type="order.created")
    assert set(delivered.values_list("url", flat=True)) == {receiver.url("/here")}
    assert delivered.count() == 4


def test_five_days_without_a_success_disable_it(receiver):
    receiver.answer(status=503)
    publish(subscription(receiver.url(), max_in_flight=1), 3)
    deliver()
    failing_for(4.999)
    all_due()
    deliver()
    assert Endpoint.objects.get().disabled_at is None

    failing_for(5)
    all_due()
    deliver()

    gone = Endpoint.objects.get()
    assert gone.disabled_reason == health.FAILED_REASON
    assert Delivery.objects.pending().count() == 0
    sent = len(receiver.requests)
    all_due()
    deliver()
    assert len(receiver.requests) == sent


def test_any_success_starts_the_clock_anew():
    publish(subscription(URL), 3)
    failing_for(30)
    success, *failures = claimed()

    outbox.settle([result(success)])
    outbox.settle([retry(job) for job in failures])

    anew = Endpoint.objects.get()
    assert (anew.consecutive_failures, anew.disabled_at) == (2, None)
    assert anew.failing_since is not None
    assert timezone.now() - anew.failing_since < timedelta(minutes=1)


def test_a_long_silence_is_no_failure():
    publish(subscription(URL), 1)
    failing_for(30, failures=3)

    outbox.settle([retry(job) for job in claimed()])

    assert Endpoint.objects.get().disabled_at is None


def test_what_is_under_way_when_it_is_disabled_is_not_tried_again():
    publish(subscription(URL), 3)
    gone, delivered, failed = claimed()
    outbox.settle([retry(gone, status=410)])

    outbox.settle([result(delivered), retry(failed)])

    states = dict(Delivery.objects.values_list("id", "state"))
    assert (states[delivered.id], states[failed.id]) == ("delivered", "cancelled")
    assert Endpoint.objects.get().disabled_reason == health.GONE_REASON


def test_what_waits_is_ended_a_piece_at_a_time_but_for_what_is_being_sent():
    publish(subscription(URL), 7)
    gone, sending = claimed(2)
    outbox.settle([retry(gone, status=410)])

    assert [outbox.cancel_disabled(limit=4) for _ in range(3)] == [4, 2, 0]

    assert Delivery.objects.pending().get().id == sending.id
    outbox.settle([retry(sending)])
    outbox.cancel_disabled()
    assert not Delivery.objects.pending().exists()
    assert Endpoint.objects.get().next_due_at is None
