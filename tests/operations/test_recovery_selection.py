"""What a bulk replay selects, and that nothing is left out."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests import factories
from tests.operations.outcomes import URL, ended, hook, publish, settle
from tests.operations.recovering import (
    DAY,
    STATES,
    advance,
    change,
    preview,
    run,
    start,
    wanting,
)
from webhooks.models import AuditEntry, Delivery, Endpoint, Recovery
from webhooks.operations import (
    deliveries,
    event_deliveries,
    partners,
    recoveries,
    recovery_selection,
    testing,
)
from webhooks.operations import subscriptions as subscriptions_of
from webhooks.operations.audit import SYSTEM, Actor
from webhooks.operations.recoveries import Filter, InvalidFilter, Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner():
    return factories.partner()


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


def test_it_counts_so_far_and_replays_all(partner, monkeypatch):
    monkeypatch.setattr(recovery_selection, "MOST_COUNTED", 3)
    made = hook(partner)
    for _ in range(2):
        ended(partner, "exhausted")
    for _ in range(3):
        ended(partner, "cancelled")
    both = wanting("exhausted", "cancelled")
    counts = recoveries.preview(partner=partner, filter=both)
    assert counts.by_outcome == {"exhausted": 2, "cancelled": 1}
    assert not counts.is_exact
    cancelled = recoveries.preview(partner=partner, filter=wanting("cancelled"))
    assert (cancelled.total, cancelled.is_exact) == (3, True)
    recovery = start(partner, "exhausted", "cancelled")
    assert recovery.total == 3
    assert not recovery_selection.is_total_exact(recovery)
    assert (run(recovery).done, recovery.total) == (5, 5)
    recovery.refresh_from_db()
    assert recovery_selection.is_total_exact(recovery)
    # Events, too.
    change(made, is_active=False)
    publish(partner)
    change(made, is_active=True)
    missed = wanting("missed", subscription=made)
    assert not recoveries.preview(partner=partner, filter=missed).is_exact


def test_one_from_before_was_counted_whole(partner):
    hook(partner)
    recovery = start(partner)
    del recovery.filter["is_total_exact"]
    assert recovery_selection.is_total_exact(recovery)


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
    Delivery.objects.filter(id=own.id).update(reason=event_deliveries.OWN)
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
