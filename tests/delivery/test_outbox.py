import json
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from tests.delivery.backlog import (
    SECRET,
    all_due,
    attempts,
    only,
    publish,
    queued,
    subscription,
    time_passes,
)
from tests.delivery.settlements import claimed, result, retry
from tests.waiting import PATIENCE
from webhooks.delivery import outbox
from webhooks.models import Attempt, Delivery
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"
LEASE = timedelta(seconds=outbox.LEASE)


def seconds_until_due(delivery=None):
    due_at = (delivery or only()).due_at
    assert due_at is not None
    return (due_at - timezone.now()).total_seconds()


def test_a_claim_leases_what_is_due_and_nothing_else():
    due, later = queued(URL, 2)
    Delivery.objects.filter(id=later.id).update(
        due_at=timezone.now() + timedelta(seconds=30)
    )

    claim = outbox.claim(limit=10)

    assert claim.ids == [due.id]
    due.refresh_from_db()
    assert due.claim_token == claim.token
    assert due.lost_claims == 0
    assert abs(seconds_until_due(due) - outbox.LEASE) < 5


def test_a_claim_takes_no_more_than_its_limit_and_the_longest_due_first():
    deliveries = queued(URL, 5)
    first = deliveries[3]
    Delivery.objects.filter(id=first.id).update(due_at=timezone.now() - LEASE)

    assert outbox.claim(limit=1).ids == [first.id]
    assert len(outbox.claim(limit=3).ids) == 3
    assert len(outbox.claim(limit=3).ids) == 1
    assert outbox.claim(limit=3).ids == []


def test_what_is_finished_is_never_claimed():
    queued(URL)
    outbox.settle([result(job) for job in claimed()])

    assert outbox.claim(limit=10).ids == []
    all_due()
    assert outbox.claim(limit=10).ids == []


def test_a_job_carries_all_that_its_attempt_needs():
    hook = subscription(URL, public_id="hook-1")
    happened = datetime(2026, 11, 20, 9, 8, 7, 6, tzinfo=UTC)
    (delivery,) = publish(
        hook, type="order.created", data={"a": [1, "ü", None]}, occurred_at=happened
    )

    (job,) = claimed()

    assert (job.id, job.event_id) == (delivery.id, delivery.event_id)
    assert job.event_type == "order.created"
    assert json.loads(job.data) == {"a": [1, "ü", None]}
    assert job.occurred_at == happened
    assert (job.url, job.profile, job.attempts) == (URL, "standard", 0)
    assert job.subscriber.public_id == "hook-1"
    assert job.subscriber.secrets == (SECRET,)
    assert not job.subscriber.is_deleted


def test_a_job_has_only_the_secrets_that_are_live():
    hook = subscription(URL, secrets=[SECRET, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])
    old = hook.secrets.order_by("id")[0]
    hook.secrets.filter(id=old.id).update(
        created_at=timezone.now() - timedelta(days=2),
        expires_at=timezone.now() - timedelta(days=1),
    )
    publish(hook)

    (job,) = claimed()

    assert job.subscriber.secrets == ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",)


def test_loading_takes_the_same_few_statements_for_many(django_assert_num_queries):
    for _ in range(3):
        publish(subscription(URL, URL + "2"), 5)
    reserved = outbox.claim(limit=100, is_begun=False)
    claim = outbox.begin(token=reserved.token, ids=reserved.ids)

    with django_assert_num_queries(2):
        assert len(outbox.load(claim)) == 30


def test_an_expired_lease_is_claimed_again_and_counted():
    queued(URL)
    first = outbox.claim(limit=1)
    assert outbox.claim(limit=1).ids == []

    time_passes(LEASE + timedelta(seconds=1))
    second = outbox.claim(limit=1)

    assert second.ids == first.ids
    assert len(outbox.load(second)) == 1
    assert only().lost_claims == 1
    # Longer by chance than the first, up to twice.
    assert outbox.LEASE - 5 < seconds_until_due() < 2 * outbox.LEASE + 5


def test_a_row_that_outlives_ten_workers_is_quarantined_with_the_reason():
    queued(URL)
    for _ in range(outbox.MAX_LOST_CLAIMS):
        assert len(outbox.claim(limit=1).ids) == 1
        all_due()

    assert outbox.claim(limit=1).ids == []

    quarantined = only()
    assert quarantined.state == Delivery.State.EXHAUSTED
    assert quarantined.reason == outbox.QUARANTINED
    assert quarantined.due_at is None
    assert quarantined.claim_token is None
    assert quarantined.settled_at is not None


def test_only_claims_lost_in_a_row_count():
    queued(URL)
    outbox.claim(limit=1)
    all_due()

    outbox.settle([retry(job) for job in claimed()])

    assert only().lost_claims == 0


def test_a_success_is_settled_with_its_attempt():
    queued(URL)
    (job,) = claimed()

    assert outbox.settle([result(job, status=204)]).count == 1

    delivered = only()
    assert delivered.state == Delivery.State.DELIVERED
    assert (delivered.attempts, delivered.last_outcome) == (1, "ok")
    assert delivered.last_status == 204
    assert delivered.due_at is None
    assert delivered.claim_token is None
    assert delivered.settled_at is not None
    assert abs(delivered.settled_at - timezone.now()) < timedelta(seconds=5)
    (attempt,) = attempts()
    assert attempt.delivery_id == job.id
    assert (attempt.number, attempt.duration_ms) == (1, 12)
    assert (attempt.lookup_ms, attempt.connect_ms) == (3, None)
    assert attempt.started_at == datetime(2026, 11, 21, 10, 0, 0, 5, tzinfo=UTC)
    assert (attempt.outcome, attempt.status) == ("ok", 204)
    assert attempt.request_headers == {"webhook-id": "1"}
    assert attempt.response_headers == [["X-Said", "caf\xe9"]]
    assert bytes(attempt.response_body) == b"\x00\xffok"
    assert attempt.error == ""


def test_it_waits_after_a_failure_as_long_as_the_settlement_says():
    queued(URL)

    outbox.settle([retry(job, timedelta(seconds=300.25)) for job in claimed()])

    pending = only()
    assert pending.state == Delivery.State.PENDING
    assert (pending.attempts, pending.last_status) == (1, 500)
    assert pending.claim_token is None
    assert pending.settled_at is None
    assert 295 < seconds_until_due() < 305


def test_one_settlement_takes_many_of_every_kind():
    queued(URL, 4)
    a, b, c, d = claimed()

    settled = outbox.settle(
        [
            result(a),
            retry(b),
            result(c, Delivery.State.EXHAUSTED, outcome="timeout", status=None),
            result(d, Delivery.State.CANCELLED, attempt=None, reason="gone"),
        ]
    )

    assert settled.count == 4
    state = dict(Delivery.objects.values_list("id", "state"))
    assert [state[job.id] for job in (a, b, c, d)] == [
        "delivered",
        "pending",
        "exhausted",
        "cancelled",
    ]
    assert Delivery.objects.get(id=d.id).reason == "gone"
    assert Delivery.objects.get(id=d.id).attempts == 0
    assert {a.delivery_id for a in attempts()} == {a.id, b.id, c.id}


def test_a_stale_owner_changes_nothing_and_records_nothing():
    mine, other = queued(URL, 2)
    stale = {job.id: job for job in claimed()}
    time_passes(LEASE + timedelta(seconds=1))
    Delivery.objects.filter(id=mine.id).update(due_at=timezone.now() + LEASE)
    (fresh,) = claimed()
    assert fresh.id == other.id

    assert outbox.settle([result(stale[mine.id]), result(stale[other.id])]).count == 1

    assert [a.delivery_id for a in attempts()] == [mine.id]
    other.refresh_from_db()
    assert other.state == Delivery.State.PENDING
    assert other.claim_token == fresh.token
    assert outbox.settle([result(fresh)]).count == 1


def test_settling_twice_is_settling_once():
    # What a worker does when the connection broke before it saw the commit.
    queued(URL)
    settlements = [result(job) for job in claimed()]

    assert outbox.settle(settlements).count == 1
    assert outbox.settle(settlements).count == 0

    assert only().attempts == 1
    assert len(attempts()) == 1


def test_a_retry_for_a_subscription_deleted_meanwhile_is_cancelled():
    hook = subscription(URL)
    publish(hook, 2)
    ok, failed = claimed()
    subscriptions.delete(by=SYSTEM, subscription=hook)

    outbox.settle([result(ok), retry(failed)])

    assert Delivery.objects.get(id=ok.id).state == Delivery.State.DELIVERED
    cancelled = Delivery.objects.get(id=failed.id)
    assert cancelled.state == Delivery.State.CANCELLED
    assert cancelled.reason == "The subscription was deleted."
    assert cancelled.due_at is None
    assert Attempt.objects.count() == 2


def test_what_is_given_back_is_due_at_once_and_not_counted_as_lost():
    queued(URL, 2)
    jobs = claimed()

    assert outbox.release(jobs) == 2

    again = claimed()
    assert {job.id for job in again} == {job.id for job in jobs}
    assert set(Delivery.objects.values_list("lost_claims", flat=True)) == {0}
    assert outbox.release(jobs) == 0


def test_it_is_idle_when_nothing_is_due_or_claimed():
    assert outbox.is_idle()
    queued(URL)
    assert not outbox.is_idle()
    (job,) = claimed()
    assert not outbox.is_idle()
    outbox.settle([retry(job)])
    assert outbox.is_idle()
    all_due()
    assert not outbox.is_idle()


def test_claims_at_once_never_share_a_row():
    queued(URL, 300)
    taken: list[UUID] = []
    errors = []
    start = threading.Barrier(4)
    end = time.monotonic() + PATIENCE

    def claim_all():
        try:
            start.wait()
            # One that finds the endpoint in another's hands goes away with nothing.
            while len(taken) < 300 and time.monotonic() < end:
                taken.extend(outbox.claim(limit=7).ids)
        except Exception as error:  # noqa: BLE001 - told in the main thread
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(taken) == len(set(taken)) == 300


def test_giving_back_frees_nothing_that_the_same_worker_has_claimed_anew():
    queued(URL, 2)
    (stale,) = claimed(1)
    time_passes(LEASE + timedelta(seconds=1))
    again = claimed()
    other = next(job for job in again if job.id != stale.id)

    assert outbox.release([stale, other]) == 1

    assert Delivery.objects.get(id=stale.id).claim_token == other.token
    assert Delivery.objects.get(id=other.id).claim_token is None
