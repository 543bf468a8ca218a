"""The worker in the process of a test: what it sends, tries again and records."""

import asyncio
import struct
import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.utils import timezone
from standardwebhooks import Webhook

from tests import factories
from tests.delivery.backlog import (
    SECRET,
    all_due,
    attempts,
    deliver,
    deliver_until_it_waits,
    only,
    publish,
    queued,
    subscription,
)
from tests.delivery.workers import in_thread, stop_when
from tests.waiting import PATIENCE, eventually
from webhooks.delivery import outbox, worker
from webhooks.delivery.backends import local
from webhooks.management.commands.deliver import make_worker
from webhooks.models import (
    Attempt,
    Delivery,
    Subscription,
)
from webhooks.operations import (
    events,
    fanouts,
)
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_published_event_arrives_signed_once(receiver):
    (delivery,) = queued(receiver.url("/hook"))

    deliver()

    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.header("Content-Type") == "application/json"
    assert request.header("webhook-id") == str(delivery.event_id)
    headers = {name.lower(): value for name, value in request.headers}
    payload = Webhook(SECRET).verify(request.body, headers)
    assert payload["type"] == "order.created"
    assert payload["data"] == {"id": "ord_1"}
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.DELIVERED


def test_until_idle_waits_for_what_is_still_to_be_queued(receiver, monkeypatch):
    monkeypatch.setattr(fanouts, "PIECE", 3)
    partner = factories.partner()
    for number in range(10):
        subscription(receiver.url(f"/{number}"), partner=partner)
    event = events.publish(by=SYSTEM, partner=partner, type="order.created", data={})
    assert event.unqueued == 10

    deliver()

    assert sorted(request.path for request in receiver.requests) == sorted(
        f"/{number}" for number in range(10)
    )


def test_the_attempt_keeps_what_was_sent_and_answered_and_no_secret(receiver):
    receiver.answer(status=201, headers={"X-Request-Id": "r-1"}, body=b"thanks")
    queued(receiver.url())

    deliver()

    (attempt,) = attempts()
    (request,) = receiver.requests
    for name, value in attempt.request_headers.items():
        assert request.header(name) == value
    assert "webhook-signature" in attempt.request_headers
    assert ["X-Request-Id", "r-1"] in attempt.response_headers
    assert bytes(attempt.response_body) == b"thanks"
    assert (attempt.outcome, attempt.status) == ("ok", 201)
    assert SECRET.removeprefix("whsec_") not in str(attempt.__dict__)


def test_a_failure_is_retried_by_the_schedule_with_the_same_id_and_body(receiver):
    receiver.answer(status=500).answer(status=503).answer(status=200)
    queued(receiver.url())

    deliver_until_it_waits(4, 6)  # 5 s ± 20 %
    deliver()
    assert len(receiver.requests) == 1, "it was not due yet"
    all_due()
    deliver_until_it_waits(240, 360)  # 5 min ± 20 %
    all_due()
    deliver()

    assert only().state == Delivery.State.DELIVERED
    assert [a.outcome for a in attempts()] == ["status", "status", "ok"]
    assert [a.number for a in attempts()] == [1, 2, 3]
    assert len({r.body for r in receiver.requests}) == 1
    assert len({r.header("webhook-id") for r in receiver.requests}) == 1


def test_it_is_exhausted_when_the_schedule_is_used_up(receiver):
    receiver.answer(status=500)
    queued(receiver.url())

    for _ in range(12):
        deliver()
        all_due()

    exhausted = only()
    assert exhausted.state == Delivery.State.EXHAUSTED
    assert exhausted.attempts == len(receiver.requests) == len(attempts()) == 10
    assert exhausted.last_status == 500
    assert exhausted.settled_at is not None


@pytest.mark.parametrize(
    ("status", "asked", "least", "most"),
    [
        (503, "3600", 3600, 3600),
        (429, "3600", 3600, 3600),
        (429, "1", 4, 6),  # sooner than scheduled is not what was asked
        (429, "99999999", 86400, 86400),
        (429, "whenever", 4, 6),
        (429, None, 4, 6),
        (500, "3600", 3600, 3600),
    ],
)
def test_it_heeds_a_retry_after(receiver, status, asked, least, most):
    receiver.answer(status=status, headers={"Retry-After": asked} if asked else {})
    queued(receiver.url())

    deliver_until_it_waits(least, most)


def test_it_records_why_there_was_no_answer(receiver):
    receiver.answer("/drop", drop=True).answer("/moved", status=302)
    unused = "http://127.0.0.1:1999/"
    publish(
        subscription(
            receiver.url("/drop"),
            receiver.url("/moved"),
            unused,
        )
    )

    deliver()

    outcomes = dict(Delivery.objects.values_list("url", "last_outcome"))
    assert outcomes == {
        receiver.url("/drop"): "bad_answer",
        receiver.url("/moved"): "redirect",
        unused: "connect",
    }
    assert set(Delivery.objects.values_list("state", flat=True)) == {"pending"}


def test_what_was_queued_for_a_deleted_subscription_is_cancelled_unsent(receiver):
    hook = subscription(receiver.url())
    publish(hook)
    # As when it is deleted while an event is being published.
    Subscription.objects.filter(id=hook.id).update(deleted_at=timezone.now())

    deliver()

    assert receiver.requests == []
    assert only().state == Delivery.State.CANCELLED
    assert only().reason == "The subscription was deleted."
    assert attempts() == []


def test_results_that_are_slow_to_write_hold_back_claims_and_no_longer(
    receiver, monkeypatch
):
    settle, answers = outbox.settle, threading.Event()

    def stuck(settlements, **options):
        answers.wait(PATIENCE)
        return settle(settlements, **options)

    monkeypatch.setattr(outbox, "settle", stuck)
    monkeypatch.setattr(local, "SETTLE_BATCH", 10)
    hook = subscription(receiver.url())

    async def run():
        running = make_worker(concurrency=4)
        task = asyncio.create_task(running.run())
        for _ in range(10):
            await asyncio.to_thread(in_thread, lambda: publish(hook, 9))
            await asyncio.sleep(0.1)
        held_back = len(receiver.requests)
        answers.set()
        await stop_when(
            lambda: Delivery.objects.filter(state="delivered").count() == 90, running
        )
        await task
        return held_back

    assert asyncio.run(run()) < 60


def test_it_sends_many_at_once_and_does_not_wait_for_the_slowest(receiver):
    came = threading.Event()
    receiver.answer("/slow", until=came)
    receiver.answer("/fast")
    publish(subscription(receiver.url("/slow")), 1)
    publish(subscription(receiver.url("/fast")), 60)

    def wait_for_all():
        eventually(lambda: len(receiver.requests) == 61)
        came.set()

    waiting = threading.Thread(target=wait_for_all)
    waiting.start()
    deliver(concurrency=4)
    waiting.join()

    slow = Attempt.objects.get(delivery__url=receiver.url("/slow"))
    fast = Attempt.objects.exclude(id=slow.id)
    ended = slow.started_at + timedelta(milliseconds=slow.duration_ms)
    assert max(fast.values_list("started_at", flat=True)) < ended
    assert len(receiver.requests) == 61


def test_it_never_has_more_under_way_than_it_was_told(receiver):
    receiver.answer(delay=0.1)
    queued(receiver.url(), 12)

    deliver(concurrency=3)

    spans = [
        (a.started_at, a.started_at + timedelta(milliseconds=a.duration_ms - 1))
        for a in attempts()
    ]
    for start, _ in spans:
        assert sum(begin <= start < end for begin, end in spans) <= 3


def test_what_a_dead_worker_had_claimed_is_sent_when_its_lease_is_over(receiver):
    queued(receiver.url(), 3)
    outbox.claim(limit=2)

    all_due()
    deliver()

    assert len(receiver.requests) == 3
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_a_crash_between_sending_and_settling_is_a_duplicate_not_a_loss(
    receiver, monkeypatch
):
    class Crash(Exception):
        pass

    def crash(settlements, **options):
        raise Crash

    (delivery,) = queued(receiver.url())
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "settle", crash)
        with pytest.raises(ExceptionGroup) as caught:
            deliver()
    assert caught.group_contains(Crash)
    assert len(receiver.requests) == 1
    assert only().state == Delivery.State.PENDING

    all_due()
    deliver()

    first, second = receiver.requests
    assert first.body == second.body
    assert first.header("webhook-id") == second.header("webhook-id")
    assert only().state == Delivery.State.DELIVERED
    assert len(attempts(delivery.id)) == 1


def test_a_database_that_goes_away_loses_no_result(receiver, monkeypatch, caplog):
    settle, failures = outbox.settle, iter([OperationalError, OperationalError])

    def flaky(settlements, **options):
        for error in failures:
            raise error("server closed the connection unexpectedly")
        return settle(settlements, **options)

    monkeypatch.setattr(outbox, "settle", flaky)
    queued(receiver.url(), 5)

    deliver()

    assert len(receiver.requests) == 5
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert Attempt.objects.count() == 5
    assert "server closed the connection" in caplog.text


@pytest.mark.postgresql("SQLite has no server to end a connection")
def test_a_connection_that_the_server_ends_is_replaced(receiver):
    receiver.answer(delay=0.3)
    queued(receiver.url(), 40)
    mine = connection.connection.info.backend_pid

    async def run():
        running = asyncio.create_task(make_worker(concurrency=4, until_idle=True).run())
        for _ in range(3):
            await asyncio.sleep(0.4)
            await asyncio.to_thread(_end_connections_except, [mine])
        await running

    asyncio.run(run())

    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert Attempt.objects.count() == 40


def _end_connections_except(pids):
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND pid <> ALL(%s)",
                [pids],
            )
    finally:
        connection.close()


@pytest.mark.parametrize("error", [DatabaseError, TypeError, ValueError, struct.error])
def test_a_result_that_cannot_be_written_does_not_hold_back_the_others(
    receiver, monkeypatch, caplog, error
):
    settle = outbox.settle
    bad = queued(receiver.url("/bad"))[0]
    queued(receiver.url("/good"), 6)

    def picky(settlements, **options):
        if any(s.job.id == bad.id for s in settlements):
            raise error("value out of range")
        return settle(settlements, **options)

    monkeypatch.setattr(outbox, "settle", picky)
    monkeypatch.setattr(outbox, "is_idle", lambda: True)
    deliver()

    states = dict(Delivery.objects.values_list("url", "state"))
    assert states[receiver.url("/good")] == "delivered"
    bad.refresh_from_db()
    assert bad.state == Delivery.State.PENDING
    assert bad.claim_token is not None, "left to its lease"
    [failed] = [r for r in caplog.records if "cannot be settled" in r.message]
    assert failed.fields == {"delivery": str(bad.id), "event": str(bad.event_id)}


def test_a_job_whose_lease_would_not_last_is_given_back_unsent(receiver, monkeypatch):
    claim, leases = outbox.claim, iter([1.0])

    def short(**options):
        return claim(**options | {"lease": next(leases, outbox.LEASE)})

    monkeypatch.setattr(outbox, "claim", short)
    queued(receiver.url())

    deliver()

    assert len(receiver.requests) == 1
    assert only().state == Delivery.State.DELIVERED
    assert next(leases, None) is None


def test_it_looks_at_once_when_woken(receiver, monkeypatch):
    monkeypatch.setattr(worker, "POLL_INTERVAL", 24 * 3600)
    hook = subscription(receiver.url())

    async def run():
        running = make_worker(concurrency=2)
        task = asyncio.create_task(running.run())
        await asyncio.sleep(0.3)
        await asyncio.to_thread(in_thread, lambda: publish(hook))
        running.wake()
        await stop_when(lambda: receiver.requests, running)
        await task

    asyncio.run(run())

    assert only().state == Delivery.State.DELIVERED


def test_what_needs_no_worker_any_more_is_left_alone(receiver):
    queued(receiver.url(), 2)
    cancelled, not_sent = Delivery.objects.order_by("id")
    for row, state in ((cancelled, "cancelled"), (not_sent, "not_sent")):
        Delivery.objects.filter(id=row.id).update(
            state=state, due_at=None, settled_at=timezone.now()
        )

    deliver()

    assert receiver.requests == []
