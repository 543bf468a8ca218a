"""Bulk replays: how they are queued, watched and cancelled."""

import threading
from collections import Counter
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests import factories
from tests.clock import at
from tests.examples import examples
from tests.operations.outcomes import ended, hook, publish, settle
from tests.operations.recovering import (
    DAY,
    STATES,
    advance,
    preview,
    run,
    start,
)
from tests.waiting import PATIENCE
from webhooks.models import AuditEntry, Delivery, Endpoint, Event, Recovery
from webhooks.operations import (
    events,
    recoveries,
)
from webhooks.operations.audit import SYSTEM, Actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner():
    return factories.partner()


# --- A piece at a time ---------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(recoveries, "MAX_WAITING", 3)
    monkeypatch.setattr(recoveries, "_WINDOW", 4)


def many(partner, count, state="exhausted"):
    new = events.NewEvent(partner=partner, type="a", data={})
    events.publish_batch(by=SYSTEM, events=[new] * count)
    Delivery.objects.pending().update(
        state=state, due_at=None, settled_at=timezone.now()
    )


def test_it_keeps_so_many_waiting_and_leaves_none_out(partner, small):
    hook(partner)
    many(partner, 11)
    recovery = start(partner)
    seen = 0
    while recovery.state == "running":
        while advance():
            pass
        waiting = Delivery.objects.pending().filter(recovery=recovery)
        assert waiting.count() <= 3
        seen += waiting.count()
        waiting.update(state="delivered", due_at=None, settled_at=timezone.now())
        recovery.refresh_from_db()
    assert (seen, recovery.done, recovery.total) == (11, 11, 11)
    counts = Counter(Delivery.objects.filter(recovery=recovery).values_list("event_id"))
    assert len(counts) == 11


@pytest.mark.parametrize("window", [4, 10])
def test_it_queues_no_more_while_enough_waits(partner, small, monkeypatch, window):
    monkeypatch.setattr(recoveries, "_WINDOW", window)
    hook(partner)
    many(partner, 5)
    recovery = start(partner)
    for _ in range(3):
        assert advance() is False
        recovery.refresh_from_db()
        assert (recovery.state, recovery.done) == ("running", 3)


@pytest.mark.parametrize("waits_for", ["retry", "breaker"])
def test_what_waits_for_a_retry_or_a_breaker_holds_nothing_up(
    partner, small, waits_for
):
    hook(partner)
    many(partner, 5)
    recovery = start(partner)
    advance()
    if waits_for == "retry":
        Delivery.objects.pending().update(attempts=1)
    else:
        Endpoint.objects.update(open_until=timezone.now() + DAY)
    advance()
    recovery.refresh_from_db()
    assert recovery.done == 5


def test_the_queue_is_bounded_whatever_it_waits_for(partner, small, monkeypatch):
    monkeypatch.setattr(recoveries, "MAX_PENDING", 4)
    hook(partner)
    many(partner, 6)
    recovery = start(partner)
    for done in (3, 4, 4):
        advance()
        Delivery.objects.pending().update(attempts=1)
        recovery.refresh_from_db()
        assert recovery.done == done


def test_it_looks_at_a_bounded_number_of_events_at_a_time(partner, small):
    hook(partner)
    many(partner, 9, state="delivered")
    recovery = start(partner)
    assert [advance() for _ in range(3)] == [True, True, False]
    recovery.refresh_from_db()
    assert (recovery.state, recovery.done) == ("done", 0)


def test_a_piece_takes_as_many_statements_however_many_it_queues(partner):
    made = hook(partner)

    def statements(count):
        many(partner, count)
        recovery = start(partner, subscription=made)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            advance()
        run(recovery)
        return len(captured)

    assert statements(20) == statements(2)


@examples(25)
@given(
    ends=st.lists(st.sampled_from([*STATES, "pending"]), max_size=12),
    chosen=st.sets(st.sampled_from(STATES), min_size=1),
    waiting=st.integers(1, 5),
    window=st.integers(1, 5),
)
def test_whatever_ended_so_is_replayed_once_and_nothing_else(
    monkeypatch, ends, chosen, waiting, window
):
    monkeypatch.setattr(recoveries, "MAX_WAITING", waiting)
    monkeypatch.setattr(recoveries, "_WINDOW", window)
    partner = factories.partner()
    hook(partner)
    old = {state: [] for state in (*STATES, "pending")}
    for state in ends:
        delivery = publish(partner).deliveries.get()
        if state != "pending":
            settle(delivery, state)
        old[state].append(delivery.id)
    expected = sorted(id for state in chosen for id in old[state])
    counted = preview(partner, *chosen)
    recovery = run(start(partner, *chosen))
    sent = Delivery.objects.filter(recovery=recovery)
    assert sorted(d.redelivery_of for d in sent) == expected
    assert recovery.done == recovery.total == len(expected) == sum(counted.values())


# --- Watched and cancelled -----------------------------------------------------------


def test_it_shows_what_became_of_its_deliveries(
    partner, small, django_assert_num_queries
):
    hook(partner)
    many(partner, 5)
    recovery, other = start(partner), start(partner, "delivered")
    advance()
    one, two, _ = Delivery.objects.pending().order_by("id")
    settle(one, "delivered")
    settle(two, "exhausted")
    with django_assert_num_queries(1):
        progress = recoveries.progress([recovery, other])
    assert progress[recovery.id] == recoveries.Progress(
        pending=1, delivered=1, exhausted=1
    )
    assert progress[other.id] == recoveries.Progress()


def test_it_is_cancelled_with_what_waits(partner, small):
    hook(partner)
    many(partner, 5)
    recovery = start(partner)
    advance()
    sending, *_ = Delivery.objects.pending()
    Delivery.objects.filter(id=sending.id).update(claim_token=uuid4(), is_begun=True)
    live = publish(partner).deliveries.get()
    by = Actor.of_staff(user_id=1, username="ada")
    now = timezone.now()
    at(now, recoveries.cancel, by=by, recovery=recovery)
    recovery.refresh_from_db()
    assert (recovery.state, recovery.finished_at) == ("cancelled", now)
    assert {d.id for d in Delivery.objects.pending()} == {sending.id, live.id}
    ended = Delivery.objects.filter(recovery=recovery, state="cancelled")
    assert {d.reason for d in ended} == {"The recovery was cancelled."}
    assert AuditEntry.objects.get(action="recovery.cancelled").actor == "ada"
    assert advance() is False
    assert Delivery.objects.filter(recovery=recovery).count() == 3
    # What was being sent failed: it is not tried again.
    Delivery.objects.filter(id=sending.id).update(claim_token=None, is_begun=False)
    advance()
    assert {d.id for d in Delivery.objects.pending()} == {live.id}
    recoveries.cancel(by=by, recovery=recovery)
    assert AuditEntry.objects.filter(action="recovery.cancelled").count() == 1


def test_one_that_has_ended_is_cancelled_while_something_waits(partner):
    hook(partner)
    ended(partner, "exhausted")
    recovery = start(partner)
    advance()
    recoveries.cancel(by=SYSTEM, recovery=recovery)
    assert not Delivery.objects.pending().exists()
    ended(partner, "exhausted")
    over = run(start(partner))
    with pytest.raises(recoveries.Finished):
        recoveries.cancel(by=SYSTEM, recovery=over)


# --- Side by side --------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_queue_each_delivery_once(partner, monkeypatch):
    monkeypatch.setattr(recoveries, "MAX_WAITING", 1000)
    monkeypatch.setattr(recoveries, "_WINDOW", 5)
    hook(partner)
    many(partner, 60)
    recovery = start(partner)
    gate, failures = threading.Barrier(4), []

    def work():
        try:
            gate.wait()
            for _ in range(40):
                advance()
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    while advance():  # they may have passed over it while another had it in hand
        pass
    recovery.refresh_from_db()
    assert (recovery.state, recovery.done) == ("done", 60)
    repeated = Delivery.objects.filter(recovery=recovery).values_list("redelivery_of")
    assert len(set(repeated)) == len(repeated) == 60


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql("SQLite has one writer at a time")
def test_a_worker_passes_over_a_recovery_that_another_has_in_hand(partner):
    hook(partner)
    ended(partner, "exhausted")
    recovery = start(partner)
    done = []

    def work():
        done.append(advance())
        connections.close_all()

    with transaction.atomic():
        Recovery.objects.select_for_update().get(id=recovery.id)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(timeout=PATIENCE)
    assert done == [False]
    assert not Delivery.objects.pending().exists()
    assert Event.objects.count() == 1


# --- Arriving ------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_all_of_it_arrives_with_the_ids_and_bytes_of_the_first_time(
    partner, receiver, small
):
    hook(
        partner,
        receiver.url("/hook"),
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    for _ in range(7):
        publish(partner)
    call_command("deliver", until_idle=True)
    recovery = start(partner, "delivered")
    while recovery.state == "running":
        advance()
        call_command("deliver", until_idle=True)
        recovery.refresh_from_db()
    call_command("deliver", until_idle=True)
    assert (recovery.done, recovery.total) == (7, 7)
    sent = Counter((r.header("webhook-id"), r.body) for r in receiver.requests)
    assert (len(sent), set(sent.values())) == (7, {2})
    assert recoveries.progress([recovery])[recovery.id].delivered == 7
