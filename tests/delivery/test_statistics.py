"""The hours of an endpoint, which the settlement writes with what it settles."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.delivery.backlog import publish, queued, subscription, time_passes
from tests.delivery.settlements import claimed, result, retry
from webhooks.delivery import health, outbox
from webhooks.models import Attempt, Delivery, Endpoint, EndpointHour

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"
COUNTS = ("delivered", "failed", *EndpointHour.LATENCY_FIELDS)


def hours():
    """What was counted, without the zeros, by URL."""
    return {
        url: {name: count for name, count in zip(COUNTS, counts, strict=True) if count}
        for url, *counts in EndpointHour.objects.values_list("endpoint__url", *COUNTS)
    }


def test_attempts_are_counted_by_how_they_ended_and_how_long_they_took():
    queued(URL, 12)
    took = [0, 10, 11, 25, 250, 251, 10_000, 10_001, 4_000_000]
    jobs = claimed()

    outbox.settle(
        [result(j, duration_ms=ms) for j, ms in zip(jobs, took, strict=False)]
        + [
            retry(jobs[9], duration_ms=26),
            result(jobs[10], Delivery.State.EXHAUSTED, outcome="timeout"),
            result(jobs[11], Delivery.State.CANCELLED, attempt=None, outcome=""),
        ]
    )

    (counted,) = hours().values()
    assert counted == {
        "delivered": 9,
        "failed": 2,
        "ms_10": 2,
        "ms_25": 3,
        "ms_50": 1,
        "ms_250": 1,
        "ms_500": 1,
        "ms_10000": 1,
        "ms_more": 2,
    }
    hour = EndpointHour.objects.get()
    assert hour.partner == Delivery.objects.all()[0].partner
    assert (hour.hour.minute, hour.hour.second, hour.hour.microsecond) == (0, 0, 0)
    assert timedelta(0) <= timezone.now() - hour.hour < timedelta(hours=1, minutes=1)


def test_settlements_add_up_and_endpoints_are_counted_apart():
    publish(subscription(URL + "/a", URL + "/b"), 4)
    jobs = claimed()

    for start in (0, 3, 6):
        outbox.settle([result(job) for job in jobs[start : start + 3]])

    assert hours() == {URL + end: {"delivered": 4, "ms_25": 4} for end in ("/a", "/b")}


def test_each_hour_has_a_row_of_its_own():
    queued(URL, 2)
    first, second = claimed()
    outbox.settle([result(first)])
    EndpointHour.objects.update(
        hour=EndpointHour.objects.get().hour - timedelta(hours=1)
    )

    outbox.settle([result(second)])

    assert EndpointHour.objects.count() == 2
    assert set(EndpointHour.objects.values_list("delivered", flat=True)) == {1}


def test_what_is_settled_twice_or_by_a_stale_owner_is_counted_once():
    queued(URL)
    stale = [result(job) for job in claimed()]
    time_passes(timedelta(seconds=outbox.LEASE + 1))
    fresh = [result(job) for job in claimed()]

    for settlements in (stale, fresh, fresh, stale):
        outbox.settle(settlements)

    assert hours() == {URL: {"delivered": 1, "ms_25": 1}}
    assert Attempt.objects.count() == 1


def test_they_stand_or_fall_with_the_settlement():
    class Crash(Exception):
        pass

    def crash(notifications):
        raise Crash

    queued(URL)
    Endpoint.objects.update(
        consecutive_failures=health.FAILURES_TO_OPEN - 1, failing_since=timezone.now()
    )
    (job,) = claimed()
    with pytest.raises(Crash):
        outbox.settle([retry(job)], notify=crash)
    assert hours() == {}
    assert Delivery.objects.get().claim_token == job.token
    assert Attempt.objects.count() == 0

    outbox.settle([retry(job)])
    assert hours() == {URL: {"failed": 1, "ms_25": 1}}


def test_an_endpoint_remembers_when_it_was_called_first():
    queued(URL, 3)
    first, second, third = claimed()
    assert Endpoint.objects.get().first_called_at is None
    outbox.settle([result(first, Delivery.State.CANCELLED, attempt=None, outcome="")])
    assert Endpoint.objects.get().first_called_at is None
    outbox.settle([result(second)])
    called = Endpoint.objects.get().first_called_at
    assert called is not None
    outbox.settle([result(third)])
    assert Endpoint.objects.get().first_called_at == called
