"""What is kept no longer goes, in batches; what anything still needs stays."""

import threading
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone
from time_machine import travel

from tests import factories
from tests.delivery import backlog
from tests.delivery.workers import run_until
from tests.operations.outcomes import ended, hook, publish, settle
from tests.waiting import PATIENCE
from webhooks.management.commands.deliver import PERIODIC_TASKS
from webhooks.models import (
    Attempt,
    AuditEntry,
    Delivery,
    EndpointHour,
    Event,
    Notice,
)
from webhooks.operations import deliveries, pruning, recoveries, retention
from webhooks.operations.audit import SYSTEM
from webhooks.operations.retention import Rules

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
RULES = Rules(delivered=30 * DAY, failed=90 * DAY, statistics=365 * DAY)
AT_ONCE = Rules(delivered=TICK, failed=TICK, statistics=None)
STATES = {"delivered": 30, "exhausted": 90, "cancelled": 90, "not_sent": 90}


@pytest.fixture
def partner():
    made = factories.partner()
    hook(made)
    return made


def prune(*, at, rules=RULES, **options):
    total = Counter()
    with travel(at, tick=False):
        for counts in pruning.walk(rules=rules, **options):
            total += counts
    return total


# --- What is over --------------------------------------------------------------------


@pytest.mark.parametrize(("state", "days"), STATES.items())
def test_each_outcome_is_kept_for_its_days_after_it_came_about(partner, state, days):
    over = ended(partner, state)

    assert not prune(at=over.settled_at + days * DAY)
    assert prune(at=over.settled_at + days * DAY + TICK) == {
        "events": 1,
        "deliveries": 1,
    }
    assert not Event.objects.exists()


@pytest.mark.parametrize("field", ["delivered", "failed"])
def test_what_is_kept_for_ever_stays(partner, field):
    for state in STATES:
        ended(partner, state)
    other = factories.partner()
    publish(other)  # nobody is told

    prune(at=timezone.now() + 10_000 * DAY, rules=_but(RULES, **{field: None}))

    is_failed = field == "failed"
    left = set(Delivery.objects.values_list("state", flat=True))
    assert left == (set(STATES) - {"delivered"} if is_failed else {"delivered"})
    assert Event.objects.filter(partner=other).exists() == is_failed


def test_all_of_it_may_be_kept_for_ever(partner):
    ended(partner, "delivered")
    publish(factories.partner())
    rules = Rules(delivered=None, failed=None, statistics=None)
    assert not prune(at=timezone.now() + 10_000 * DAY, rules=rules)
    assert Event.objects.count() == 2


def test_what_nobody_was_told_of_is_kept_like_a_failure():
    event = publish(factories.partner())
    assert not prune(at=event.created_at + 90 * DAY)
    assert prune(at=event.created_at + 90 * DAY + TICK) == {"events": 1}


def test_an_event_goes_with_all_of_its_deliveries_or_not_at_all(partner):
    hook(partner)
    event = publish(partner)
    first, second = event.deliveries.order_by("id")
    settle(first, "delivered")
    settle(second, "exhausted")

    assert not prune(at=timezone.now() + 40 * DAY)
    assert Delivery.objects.count() == 2
    assert prune(at=timezone.now() + 91 * DAY) == {"events": 1, "deliveries": 2}


def test_what_was_sent_again_is_kept_from_then_on(partner):
    over = ended(partner, "delivered")
    settle(redeliver(over), "delivered", at=over.settled_at + 20 * DAY)
    assert not prune(at=over.settled_at + 50 * DAY)
    assert prune(at=over.settled_at + 50 * DAY + TICK)["deliveries"] == 2


def test_what_is_pending_stays_with_the_first_bytes_of_what_it_repeats(partner):
    original = attempted(ended(partner, "delivered"))
    repeat = redeliver(original)
    waiting = publish(partner).deliveries.get()

    assert not prune(at=timezone.now() + 10_000 * DAY)

    assert set(Delivery.objects.pending()) == {repeat, waiting}
    assert Attempt.objects.get(delivery=repeat.redelivery_of).request_body


def test_attempts_go_with_their_delivery(partner):
    attempted(ended(partner, "delivered"))
    assert prune(at=timezone.now() + 31 * DAY)["attempts"] == 1
    assert not Attempt.objects.exists()


def test_an_idempotency_key_lives_as_long_as_its_event(partner):
    first = publish(partner, idempotency_key="k")
    settle(first.deliveries.get(), "delivered")
    at = timezone.now()

    prune(at=at + 29 * DAY)
    assert publish(partner, idempotency_key="k") == first
    prune(at=at + 31 * DAY)
    assert publish(partner, idempotency_key="k") != first


def test_statistics_mails_and_the_audit_log_have_rules_of_their_own(partner):
    endpoint = partner.subscriptions.get().endpoints.get()
    hour = datetime(2026, 1, 1, tzinfo=UTC)
    for n in range(3):
        EndpointHour.objects.create(
            endpoint=endpoint, partner=partner, hour=hour + n * DAY
        )
    now = timezone.now()
    for due_at in (None, now):
        Notice.objects.create(
            partner=partner, to="a@example.com", created_at=now, due_at=due_at
        )
    entries = AuditEntry.objects.count()

    assert not prune(at=hour + 365 * DAY)
    assert prune(at=hour + 366 * DAY + TICK, rules=_but(RULES, failed=None)) == {
        "endpoint hours": 2
    }
    assert prune(at=now + 92 * DAY, rules=_but(RULES, statistics=None)) == {
        "notices": 1
    }
    assert Notice.objects.get().due_at is not None, "it is owed still"
    assert EndpointHour.objects.get().hour == hour + 2 * DAY
    assert AuditEntry.objects.count() == entries


def test_the_rules_are_the_settings(settings):
    settings.WEBHOOKS_RETENTION_DELIVERED_DAYS = 7
    settings.WEBHOOKS_RETENTION_FAILED_DAYS = 0
    settings.WEBHOOKS_RETENTION_STATISTICS_DAYS = 70
    assert retention.rules() == Rules(
        delivered=7 * DAY, failed=None, statistics=70 * DAY
    )


# --- In batches, beside others -------------------------------------------------------


def test_it_goes_in_batches_and_passes_by_what_stays(partner):
    for state in ("delivered", "exhausted", "delivered", "delivered", "delivered"):
        ended(partner, state)
    with travel(timezone.now() + 31 * DAY, tick=False):
        batches = list(pruning.walk(rules=RULES, size=2))

    assert [batch["events"] for batch in batches][:3] == [1, 2, 1]
    assert [d.state for d in Delivery.objects.all()] == ["exhausted"]


def test_hours_and_mails_go_in_batches_too(partner):
    now = timezone.now()
    for _ in range(5):
        Notice.objects.create(partner=partner, to="a@example.com", created_at=now)
    with travel(now + 91 * DAY, tick=False):
        batches = list(pruning.walk(rules=RULES, size=2))
    assert [b["notices"] for b in batches if b] == [2, 2, 1]


def test_a_dry_run_counts_the_same_and_deletes_nothing(partner):
    for state in ("delivered", "exhausted", "delivered", "pending"):
        publish(partner) if state == "pending" else ended(partner, state)
    attempted(Delivery.objects.filter(state="delivered").latest("id"))
    Notice.objects.create(
        partner=partner, to="a@example.com", created_at=timezone.now()
    )
    endpoint = partner.subscriptions.get().endpoints.get()
    EndpointHour.objects.create(endpoint=endpoint, partner=partner, hour=timezone.now())
    for days in (31, 91, 366):
        at = timezone.now() + days * DAY
        counted = prune(at=at, size=2, is_dry_run=True)
        before = Event.objects.count()
        assert prune(at=at, size=2, is_dry_run=True) == counted
        assert Event.objects.count() == before
        assert prune(at=at, size=2) == counted


def test_what_is_sent_again_at_this_moment_stays(partner, monkeypatch):
    over = ended(partner, "delivered")
    lock = pruning._locked

    def lock_a_moment_before(rows):
        mine = lock(rows)
        if rows.model is Event:
            redeliver(over)
        return mine

    monkeypatch.setattr(pruning, "_locked", lock_a_moment_before)

    assert not prune(at=timezone.now() + 31 * DAY)
    assert Delivery.objects.count() == 2


@contextmanager
def meanwhile(work):
    """`work` has been done in a transaction of its own that stays open meanwhile."""
    done, over = threading.Event(), threading.Event()

    def run():
        try:
            with transaction.atomic():
                work()
                done.set()
                over.wait(timeout=PATIENCE)
        finally:
            done.set()
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    assert done.wait(timeout=PATIENCE)
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql("SQLite has one writer at a time")
@pytest.mark.parametrize("kind", ["redelivery", "recovery"])
def test_it_waits_for_nobody_and_takes_nothing_from_under_anybody(partner, kind):
    over, other = ended(partner, "exhausted"), ended(partner, "delivered")
    recovery = recoveries.start(
        by=SYSTEM,
        partner=partner,
        filter=recoveries.Filter(outcomes=["exhausted"], since=timezone.now() - DAY),
    )

    def advance():
        assert recoveries.advance() is False

    at = timezone.now() + 91 * DAY
    with meanwhile((lambda: redeliver(over)) if kind == "redelivery" else advance):
        pruned = prune(at=at)
        # A recovery has the whole range in hand, a redelivery one delivery.
        assert pruned["events"] == (1 if kind == "redelivery" else 0)
    assert recovery.total == 1
    repeat = Delivery.objects.pending().get()
    assert repeat.redelivery_of == over.id
    prune(at=at)
    assert set(Event.objects.all()) == {repeat.event}
    assert not Delivery.objects.filter(id=other.id).exists()


@pytest.mark.django_db(transaction=True)
def test_workers_deliver_everything_beside_two_that_prune(receiver):
    """What has arrived is pruned at once, as fast as it can be."""
    receiver.answer("/fails", status=500)
    queued = backlog.publish(backlog.subscription(receiver.url("/takes")), 200)
    failing = backlog.queued(receiver.url("/fails"))
    is_over, pruned, failures = threading.Event(), Counter(), []

    def keep_pruning():
        try:
            while not is_over.is_set():
                for counts in pruning.walk(rules=AT_ONCE, size=7):
                    pruned.update(counts)
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=keep_pruning) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        run_until(
            lambda: Event.objects.count() == 1 and receiver.wait_for(201),
            count=2,
            seconds=60,
        )
    finally:
        is_over.set()
        for thread in threads:
            thread.join()

    assert failures == []
    arrived = Counter(
        r.header("webhook-id") for r in receiver.requests if r.path == "/takes"
    )
    assert set(arrived) == {str(d.event_id) for d in queued}
    assert set(arrived.values()) == {1}
    assert list(Delivery.objects.pending()) == failing
    assert pruned["events"] == 200


# --- By workers ----------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(pruning, "monotonic", lambda: Clock.now)
    monkeypatch.setattr(pruning, "BATCH", 2)
    monkeypatch.setattr(retention, "rules", lambda: AT_ONCE)
    return Clock


def test_a_worker_prunes_a_batch_at_a_time_and_a_round_an_hour(partner, clock, caplog):
    caplog.set_level("INFO")
    prune_on = pruning._HourlyWalk()
    for _ in range(5):
        ended(partner, "delivered")
    left = []
    for _ in range(4):
        assert prune_on() is False, "no worker that is to end waits for it"
        left.append(Event.objects.count())
    assert left == [3, 1, 0, 0]
    while prune_on._walk:
        prune_on()
    assert "Pruned 5 deliveries, 5 events." in caplog.text

    ended(partner, "delivered")
    clock.now += 3599
    prune_on()
    assert Event.objects.count() == 1, "the next round is not due"
    clock.now += 1
    prune_on()
    assert not Event.objects.exists()


def test_a_round_that_failed_is_begun_anew_with_the_next(partner, clock, monkeypatch):
    def fail(*_):
        raise LookupError

    prune_on = pruning._HourlyWalk()
    with monkeypatch.context() as patch:
        patch.setattr(pruning, "_delete_events", fail)
        ended(partner, "delivered")
        with pytest.raises(LookupError):
            prune_on()
        assert prune_on() is False, "not again at once"
    clock.now += 3600
    prune_on()
    assert not Event.objects.exists()


def test_every_worker_does_it():
    assert pruning.PERIODIC_TASK in PERIODIC_TASKS


def attempted(delivery):
    Attempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=timezone.now(),
        duration_ms=1,
        outcome="ok",
        request_body=b"as first sent",
    )
    return delivery


def redeliver(delivery):
    return deliveries.redeliver(by=SYSTEM, delivery=delivery)


def _but(rules, **changes):
    fields = {name: getattr(rules, name) for name in ("delivered", "failed")}
    return Rules(**{**fields, "statistics": rules.statistics, **changes})
