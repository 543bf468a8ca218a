"""Bulk replays: what they select, how they are queued, and that nothing is left out."""

import threading
from collections import Counter
from datetime import timedelta
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
from tests.operations.outcomes import URL, ended, hook, publish, settle
from tests.waiting import PATIENCE
from webhooks.models import AuditEntry, Delivery, Endpoint, Event, Recovery
from webhooks.operations import (
    deliveries,
    endpoint_notifications,
    events,
    partners,
    recoveries,
    testing,
)
from webhooks.operations import subscriptions as subscriptions_of
from webhooks.operations.audit import SYSTEM, Actor
from webhooks.operations.recoveries import Filter, InvalidFilter, Outcome

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
STATES = ["exhausted", "cancelled", "delivered"]


@pytest.fixture
def partner():
    return factories.partner()


def wanting(*outcomes, **fields):
    fields.setdefault("since", timezone.now() - DAY)
    return Filter(outcomes=[Outcome(o) for o in outcomes or ("exhausted",)], **fields)


def preview(partner, *outcomes, **fields):
    return recoveries.preview(partner=partner, filter=wanting(*outcomes, **fields))


def start(partner, *outcomes, by=SYSTEM, rerender=False, **fields):
    return recoveries.start(
        by=by,
        partner=partner,
        filter=wanting(*outcomes, **fields),
        rerender=rerender,
    )


def advance():
    return recoveries.advance()


def run(recovery):
    """Queue all of it, everything that is queued arriving meanwhile."""
    for _ in range(1000):
        advance()
        queued = Delivery.objects.pending().filter(recovery=recovery)
        queued.update(state="delivered", due_at=None, settled_at=timezone.now())
        recovery.refresh_from_db()
        if recovery.state != "running":
            return recovery
    raise AssertionError("it never ends")


def change(subscription, **fields):
    subscriptions_of.update(by=SYSTEM, subscription=subscription, change=fields)


# --- What is selected ----------------------------------------------------------------


def test_it_counts_by_outcome_and_queues_nothing(partner):
    hook(partner)
    for state in ("exhausted", "exhausted", "cancelled", "delivered"):
        ended(partner, state)
    publish(partner)  # pending: on its way
    assert preview(partner, *STATES, "not_sent") == {
        "exhausted": 2,
        "cancelled": 1,
        "delivered": 1,
        "not_sent": 0,
    }
    assert preview(partner, "exhausted") == {"exhausted": 2}
    assert Delivery.objects.count() == 5
    assert not Recovery.objects.exists()


def test_it_replays_what_it_counted(partner):
    hook(partner)
    failed = [ended(partner, "exhausted") for _ in range(3)]
    ended(partner, "delivered")
    by = Actor.of_staff(user_id=1, username="ada")
    recovery = start(partner, by=by)
    assert (recovery.state, recovery.total, recovery.done) == ("running", 3, 0)
    assert recovery.actor == "ada"
    assert not Delivery.objects.pending().exists()

    assert advance() is False

    recovery.refresh_from_db()
    assert (recovery.state, recovery.done) == ("done", 3)
    assert recovery.finished_at is not None
    queued = Delivery.objects.filter(recovery=recovery).order_by("id")
    assert [d.redelivery_of for d in queued] == [d.id for d in failed]
    for old, new in zip(failed, queued, strict=True):
        assert (new.event_id, new.endpoint_id) == (old.event_id, old.endpoint_id)
        assert (new.state, new.lane) == ("pending", Delivery.Lane.RECOVERY)
        assert (new.partner_id, new.is_rerendered) == (partner.id, False)
    assert Endpoint.objects.get().next_due_at is not None
    entry = AuditEntry.objects.get(action="recovery.started")
    assert (entry.actor, entry.partner_id) == ("ada", partner.id)
    assert entry.after["outcomes"] == ["exhausted"]
    assert entry.after["total"] == 3


@pytest.mark.parametrize("state", ["exhausted", "cancelled", "delivered"])
def test_it_replays_no_test(partner, state):
    made = hook(partner)
    test = testing.send(by=SYSTEM, subscription=made)
    settle(test.deliveries.get(), state)
    ended(partner, state)
    recovery = run(start(partner, state))
    (queued,) = Delivery.objects.filter(recovery=recovery)
    assert queued.event_id != test.id


def test_one_that_cannot_go_on_holds_up_no_other(partner, caplog):
    hook(partner)
    ended(partner, "exhausted")
    broken, whole = start(partner), start(partner)
    Recovery.objects.filter(id=broken.id).update(filter={"outcomes": 5})

    advance()

    assert Recovery.objects.get(id=whole.id).state == "done"
    assert Recovery.objects.get(id=broken.id).state == "running"
    assert f"Recovery {broken.id} cannot go on." in caplog.text


def test_it_renders_anew_where_that_is_asked_for(partner):
    hook(partner)
    ended(partner, "exhausted")
    Delivery.objects.update(profile="former")
    recovery = run(start(partner, rerender=True))
    new = Delivery.objects.get(recovery=recovery)
    assert (new.is_rerendered, new.profile) == (True, "standard")


def test_it_selects_by_subscription_type_and_time(partner):
    one, two = hook(partner), hook(partner)
    now = timezone.now()
    for type, age in (("a", 5), ("a", 3), ("b", 3), ("a", 1)):
        event = publish(partner, type, now=now - timedelta(minutes=age))
        for delivery in event.deliveries.all():
            settle(delivery, "exhausted")
    ages = {
        "since": now - timedelta(minutes=4),
        "until": now - timedelta(minutes=1),
    }
    assert preview(partner) == {"exhausted": 8}
    assert preview(partner, types=["a"]) == {"exhausted": 6}
    assert preview(partner, types=["a", "c"], subscription=one) == {"exhausted": 3}
    assert preview(partner, **ages) == {"exhausted": 4}  # until is not included
    recovery = run(start(partner, subscription=two, types=["b"], **ages))
    new = Delivery.objects.get(recovery=recovery)
    assert (new.event.type, new.subscription_id) == ("b", two.id)


def test_it_knows_nothing_of_other_partners(partner):
    hook(partner)
    stranger = factories.partner()
    theirs = hook(stranger)
    ended(stranger, "exhausted")
    assert preview(partner, *STATES) == dict.fromkeys(STATES, 0)
    with pytest.raises(InvalidFilter) as caught:
        preview(partner, "missed", subscription=theirs)
    assert caught.value.field == "subscription"
    run(start(partner, *STATES))
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"outcomes": []}, "outcomes"),
        ({"outcomes": [Outcome.MISSED]}, "subscription"),
        ({"since": timezone.now() + DAY}, "since"),
        ({"until": timezone.now() - 2 * DAY}, "since"),
    ],
)
def test_it_says_which_part_of_a_filter_is_wrong(partner, fields, field):
    hook(partner)
    fields = {
        "outcomes": [Outcome.EXHAUSTED],
        "since": timezone.now() - DAY,
    } | fields
    for act in (recoveries.preview, recoveries.start):
        more = {"by": SYSTEM} if act is recoveries.start else {}
        with pytest.raises(InvalidFilter) as caught:
            act(partner=partner, filter=Filter(**fields), **more)
        assert caught.value.field == field
        assert caught.value.message
    assert not Recovery.objects.exists()


# --- What has arrived, or is on its way ----------------------------------------------


def test_it_leaves_out_what_a_redelivery_brought(partner):
    hook(partner)
    one, two, three = (ended(partner, "exhausted") for _ in range(3))
    settle(again(one), "delivered")
    again(two)
    settle(again(three), "exhausted")
    assert preview(partner) == {"exhausted": 1}
    recovery = run(start(partner))
    new = Delivery.objects.get(recovery=recovery)
    assert new.redelivery_of == three.id


def again(delivery):
    return deliveries.redeliver(by=SYSTEM, delivery=delivery)


def test_what_was_delivered_may_be_replayed_twice_but_not_at_once(partner):
    hook(partner)
    ended(partner, "delivered")
    run(start(partner, "delivered"))
    assert preview(partner, "delivered") == {"delivered": 1}
    start(partner, "delivered")
    advance()
    assert preview(partner, "delivered") == {"delivered": 0}


def test_two_recoveries_send_a_failed_one_once(partner):
    hook(partner)
    ended(partner, "exhausted")
    for _ in range(2):
        start(partner)
    advance()
    assert Delivery.objects.pending().count() == 1
    assert sorted(Recovery.objects.values_list("done", flat=True)) == [0, 1]


def test_an_end_that_is_yet_to_come_is_the_start(partner):
    hook(partner)
    recovery = start(partner, until=timezone.now() + DAY)
    assert recovery.filter["until"] == recovery.started_at.isoformat()
    ended(partner, "exhausted")
    assert run(recovery).done == 0


def test_what_ends_after_the_start_is_not_part_of_it(partner):
    hook(partner)
    late = publish(partner).deliveries.get()
    recovery = start(partner)
    settle(late, "exhausted")
    publish(partner)
    assert run(recovery).done == 0
    assert preview(partner) == {"exhausted": 1}


# --- Who can be sent to --------------------------------------------------------------


def test_it_leaves_out_subscriptions_that_do_not_receive(partner):
    gone, off, on = (hook(partner, f"{URL}/{n}") for n in range(3))
    for delivery in publish(partner).deliveries.all():
        settle(delivery, "exhausted")
    subscriptions_of.delete(by=SYSTEM, subscription=gone)
    change(off, is_active=False)
    assert preview(partner) == {"exhausted": 1}
    new = Delivery.objects.get(recovery=run(start(partner)))
    assert new.subscription_id == on.id
    for subscription in (gone, off):
        with pytest.raises(deliveries.NotReceiving):
            start(partner, subscription=subscription)


def test_it_leaves_out_endpoints_that_are_disabled(partner):
    hook(partner, URL + "/a", URL + "/b")
    for delivery in publish(partner).deliveries.all():
        settle(delivery, "exhausted")
    Endpoint.objects.filter(url=URL + "/a").update(
        disabled_at=timezone.now(), disabled_reason="Gone (410)."
    )
    assert preview(partner) == {"exhausted": 1}
    new = Delivery.objects.get(recovery=run(start(partner)))
    assert new.url == URL + "/b"


def test_what_went_to_a_disabled_url_goes_to_the_one_in_its_place(partner):
    made = hook(partner)
    ended(partner, "exhausted")
    Endpoint.objects.update(disabled_at=timezone.now(), disabled_reason="Gone (410).")
    change(made, urls=[URL + "/new"])
    new = Delivery.objects.get(recovery=run(start(partner)))
    assert new.url == URL + "/new"


def test_what_had_no_url_goes_to_all_that_there_are(partner):
    made = factories.subscription(partner, "portal", profile="standard", urls=[])
    publish(partner)
    with pytest.raises(deliveries.NotReceiving):
        preview(partner, "not_sent", subscription=made)
    change(made, urls=[URL + "/a", URL + "/b"])
    assert preview(partner, "not_sent") == {"not_sent": 1}
    recovery = run(start(partner, "not_sent"))
    assert recovery.done == 1
    sent = Delivery.objects.filter(recovery=recovery)
    assert {d.url for d in sent} == {URL + "/a", URL + "/b"}


def test_it_waits_while_its_subscription_is_off(partner):
    made = hook(partner)
    ended(partner, "exhausted")
    recovery = start(partner, subscription=made)
    change(made, is_active=False)
    assert advance() is False
    recovery.refresh_from_db()
    assert (recovery.state, recovery.done) == ("running", 0)
    change(made, is_active=True)
    assert run(recovery).done == 1


def test_it_waits_while_the_partner_is_off(partner):
    hook(partner)
    ended(partner, "exhausted")
    recovery = start(partner)
    partners.update(by=SYSTEM, partner=partner, is_active=False)
    advance()
    recovery.refresh_from_db()
    assert recovery.state == "running"
    with pytest.raises(deliveries.NotReceiving):
        preview(partner)


def test_it_ends_with_its_subscription(partner):
    made = hook(partner)
    ended(partner, "exhausted")
    recovery = start(partner, subscription=made)
    subscriptions_of.delete(by=SYSTEM, subscription=made)
    assert run(recovery).done == 0
    assert recovery.state == "done"


# --- What was missed -----------------------------------------------------------------


def test_it_finds_what_a_subscription_was_never_told_of(partner):
    other = hook(partner, URL + "/other")
    made = hook(partner, events=["a"], shop_id="s1", is_active=False)
    wanted = [
        publish(partner, "a"),
        publish(partner, "a", attributes={"shop_id": "s1"}),
        publish(partner, "a", attributes={"shop_id": ""}),
    ]
    publish(partner, "b")
    publish(partner, "a", attributes={"shop_id": "s2"})
    testing.send(by=SYSTEM, subscription=other, type="a")
    change(made, is_active=True)
    told = publish(partner, "a")
    assert preview(partner, "missed", subscription=made) == {"missed": 3}
    assert preview(partner, "missed", subscription=made, types=["b"]) == {"missed": 0}

    recovery = run(start(partner, "missed", subscription=made))

    assert (recovery.total, recovery.done) == (3, 3)
    sent = Delivery.objects.filter(recovery=recovery)
    assert {d.event_id for d in sent} == {e.id for e in wanted}
    assert told.id not in {d.event_id for d in sent}
    for delivery in sent:
        assert (delivery.subscription_id, delivery.redelivery_of) == (made.id, None)
        assert delivery.url == URL
    assert preview(partner, "missed", subscription=made) == {"missed": 0}


def test_it_finds_what_was_missed_in_a_range_of_time(partner):
    made = hook(partner, is_active=False)
    now = timezone.now()
    ages = [timedelta(minutes=age) for age in (5, 3, 1)]
    events = [publish(partner, now=now - age) for age in ages]
    publish(factories.partner(), now=now - ages[1])
    change(made, is_active=True)
    between = {"since": now - ages[1], "until": now - ages[2], "subscription": made}
    assert preview(partner, "missed", **between) == {"missed": 1}
    new = Delivery.objects.get(recovery=run(start(partner, "missed", **between)))
    assert new.event_id == events[1].id


def test_it_replays_missed_and_failed_ones_in_the_order_of_their_events(partner):
    made = hook(partner, is_ordered=True)
    failed = ended(partner, "exhausted")
    change(made, is_active=False)
    missed = publish(partner)
    change(made, is_active=True)
    cancelled = ended(partner, "cancelled")
    recovery = start(partner, "missed", *STATES, subscription=made)
    run(recovery)
    sent = Delivery.objects.filter(recovery=recovery).order_by("id")
    assert [d.event_id for d in sent] == [
        failed.event_id,
        missed.id,
        cancelled.event_id,
    ]
    assert {d.lane for d in sent} == {Delivery.Lane.ORDERED}


def test_what_was_missed_and_then_failed_is_replayed_like_any_other(partner):
    made = hook(partner, is_active=False)
    missed = publish(partner, now=timezone.now() - timedelta(minutes=30))
    change(made, is_active=True)
    start(partner, "missed", subscription=made)
    advance()
    first = settle(Delivery.objects.get(event=missed), "exhausted")
    until = timezone.now() - timedelta(minutes=10)  # the event's time, not the row's
    assert preview(partner, until=until) == {"exhausted": 1}
    new = Delivery.objects.get(recovery=run(start(partner, until=until)))
    assert new.redelivery_of == first.id


def test_what_was_kept_from_an_endpoint_for_being_about_it_stays_so(partner):
    hook(partner)
    own, other = ended(partner, "cancelled"), ended(partner, "cancelled")
    Delivery.objects.filter(id=own.id).update(reason=endpoint_notifications.OWN)
    assert preview(partner, "cancelled") == {"cancelled": 1}
    recovery = run(start(partner, "cancelled"))
    assert Delivery.objects.get(recovery=recovery).redelivery_of == other.id


def test_a_wish_that_grew_meanwhile_raises_the_total(partner):
    made = hook(partner, events=["a"], is_active=False)
    publish(partner, "a")
    publish(partner, "b")
    change(made, is_active=True)
    recovery = start(partner, "missed", subscription=made)
    assert recovery.total == 1
    change(made, events=["a", "b"])
    run(recovery)
    assert (recovery.total, recovery.done) == (2, 2)


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
    wanted=st.sets(st.sampled_from(STATES), min_size=1),
    waiting=st.integers(1, 5),
    window=st.integers(1, 5),
)
def test_whatever_ended_so_is_replayed_once_and_nothing_else(
    monkeypatch, ends, wanted, waiting, window
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
    expected = sorted(id for state in wanted for id in old[state])
    counted = preview(partner, *wanted)
    recovery = run(start(partner, *wanted))
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
    advance()  # they may all have passed over it before it could end
    recovery.refresh_from_db()
    assert (recovery.state, recovery.done) == ("done", 60)
    repeated = Delivery.objects.filter(recovery=recovery).values_list("redelivery_of")
    assert len(set(repeated)) == len(repeated) == 60


@pytest.mark.django_db(transaction=True)
def test_a_worker_passes_over_a_recovery_that_another_has_in_hand(partner):
    if connection.vendor == "sqlite":
        pytest.skip("writers take turns there")
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
