"""Fan-outs of events with very many deliveries: workers write them in pieces."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError, connections, transaction
from django.db.models.functions import Now
from django.utils import timezone

from tests import factories
from tests.operations.outcomes import URL, hook, publish
from tests.waiting import PATIENCE
from webhooks.delivery import outbox
from webhooks.delivery.endpoint_notifications import EndpointNotification, Kind
from webhooks.models import Delivery, Endpoint, Event, PendingFanout, Subscription
from webhooks.operations import (
    endpoint_notifications,
    event_batches,
    event_deliveries,
    events,
    fanouts,
    recoveries,
    subscriptions,
)
from webhooks.operations.audit import SYSTEM
from webhooks.operations.retention import Retention, Rules

pytestmark = pytest.mark.django_db

PIECE = 3


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(fanouts, "PIECE", PIECE)


@pytest.fixture
def partner():
    return factories.partner()


def hooks(of, count, **fields):
    return [hook(of, f"{URL}/{number}", **fields) for number in range(count)]


def write_all():
    pieces = 0
    while fanouts.advance():
        pieces += 1
    return pieces


def urls(event):
    return sorted(event.deliveries.values_list("url", flat=True))


def test_an_event_with_few_deliveries_is_written_with_them(partner):
    hooks(partner, PIECE)

    event = publish(partner)

    assert event.deliveries.count() == PIECE
    assert not PendingFanout.objects.exists()
    assert not fanouts.advance()


def test_an_event_with_very_many_is_written_alone_and_they_follow_in_pieces(partner):
    made = [*hooks(partner, 4), hook(partner, *(f"{URL}/x{n}" for n in range(4)))]

    published = events.publish(by=SYSTEM, partner=partner, type="a.b", data={})

    event = published.event
    assert (event.matched, event.unmatched_reason, published.unqueued) == (5, "", 5)
    assert not event.deliveries.exists()
    seen = []
    while fanouts.advance():
        seen.append(event.deliveries.count())
    assert len(seen) >= 2
    # No piece has more than its size and what belongs to one subscription more.
    steps = [after - before for before, after in zip([0, *seen], seen, strict=False)]
    assert max(steps) < PIECE + 4
    assert urls(event) == sorted(url for one in made for url in one.urls)
    assert not PendingFanout.objects.exists()
    for delivery in event.deliveries.all():
        assert (delivery.state, delivery.lane) == ("pending", Delivery.Lane.FRESH)
        assert delivery.due_at is not None
        assert delivery.created_at == event.created_at
        assert (delivery.partner_id, delivery.profile) == (partner.id, "standard")
        assert delivery.endpoint is not None
        assert delivery.endpoint.next_due_at is not None, "it is woken"


def test_its_deliveries_sort_before_those_of_later_events(partner):
    hooks(partner, 5)
    first = publish(partner)
    hook(partner, f"{URL}/other", events=["other"], shop_id="s")
    Subscription.objects.exclude(shop_id="s").update(events=["order.created"])
    second = publish(partner, "other")
    write_all()

    ids = list(first.deliveries.order_by("id").values_list("id", flat=True))

    assert len(set(ids)) == 5
    assert ids[-1] < second.id < second.deliveries.get().id


def test_it_is_told_how_many_are_not_queued_yet(partner):
    hooks(partner, 5)
    content = {"by": SYSTEM, "partner": partner, "type": "a.b", "data": {}}

    first = events.publish(**content, idempotency_key="k")
    fanouts.advance()
    again = events.publish(**content, idempotency_key="k")
    write_all()
    at_last = events.publish(**content, idempotency_key="k")

    assert (first.unqueued, again.unqueued, at_last.unqueued) == (5, 2, 0)
    assert (first.created, again.created, at_last.created) == (True, False, False)
    assert Event.objects.count() == 1


def test_who_is_sent_it_is_decided_when_it_is_published(partner):
    off, deleted, moved, gone, bare, other_events = hooks(partner, 6)
    event = publish(partner)
    change = subscriptions.update
    change(by=SYSTEM, subscription=off, change={"is_active": False})
    change(by=SYSTEM, subscription=other_events, change={"events": []})
    change(by=SYSTEM, subscription=moved, change={"urls": [f"{URL}/moved"]})
    change(by=SYSTEM, subscription=bare, change={"urls": []})
    subscriptions.delete(by=SYSTEM, subscription=deleted)
    now = timezone.now()
    gone.endpoints.update(disabled_at=now, disabled_reason="It is gone.")
    Subscription.objects.filter(id=gone.id).update(
        disabled_at=now, disabled_reason="It is gone."
    )
    hook(partner, f"{URL}/later")

    write_all()

    rows = {
        d.subscription_id: (d.state, d.url, d.reason) for d in event.deliveries.all()
    }
    assert rows == {
        off.id: ("pending", f"{URL}/0", ""),
        other_events.id: ("pending", f"{URL}/5", ""),
        moved.id: ("pending", f"{URL}/moved", ""),
        deleted.id: ("not_sent", "", outbox.DELETED),
        gone.id: ("not_sent", "", "It is gone."),
        bare.id: ("not_sent", "", event_deliveries.NO_URL),
    }


def test_what_is_broken_off_is_written_by_the_next(partner, monkeypatch):
    hooks(partner, 5)
    event = publish(partner)
    write = outbox.write

    def die(events, deliveries):
        write(events, deliveries)
        raise OperationalError("terminating connection")

    monkeypatch.setattr(outbox, "write", die)
    with pytest.raises(OperationalError):
        fanouts.advance()
    assert not event.deliveries.exists()
    assert PendingFanout.objects.get().failures == 0, "the database was away"

    monkeypatch.setattr(outbox, "write", write)
    write_all()

    assert event.deliveries.count() == 5


@pytest.mark.django_db(transaction=True)
def test_two_workers_write_everything_once(partner):
    others = factories.partner()
    hooks(partner, 11)
    hooks(others, 7)
    made = [publish(of) for of in (partner, others) * 3]

    def work():
        advance = fanouts._Turns()
        try:
            while PendingFanout.objects.exists():
                advance()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work) for _ in range(3)]:
            done.result(PATIENCE)

    for event in made:
        assert urls(event) == sorted({*urls(event)})
        assert event.deliveries.count() == event.matched


@pytest.mark.postgresql("SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_who_is_frozen_in_a_piece_holds_up_that_partner_only(partner):
    others = factories.partner()
    held = publish_to_many(partner)
    later = publish_to_many(partner)
    other = publish_to_many(others)

    def work():
        try:
            return write_all()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        PendingFanout.objects.select_for_update().get(event=held)
        pool.submit(work).result(PATIENCE)
        assert other.deliveries.count() == 4
        assert not later.deliveries.exists(), "a partner's events go in their order"
    write_all()
    assert held.deliveries.count() == later.deliveries.count() == 4


def publish_to_many(partner):
    if not partner.subscriptions.exists():
        hooks(partner, 4)
    return publish(partner)


def test_a_piece_finishes_several_small_ones(partner, monkeypatch):
    """An event that had to wait is a piece of one delivery: thousands of them would never
    be finished one by one."""
    monkeypatch.setattr(fanouts, "PIECE", 10)
    hooks(partner, 11, events=["big"])
    ordered = hook(partner, f"{URL}/ordered", is_ordered=True)
    made = [publish(partner, "big")] + [publish(partner, "small") for _ in range(15)]
    assert PendingFanout.objects.count() == 16

    assert write_all() == 3

    its = Delivery.objects.filter(subscription=ordered).order_by("id")
    assert [d.event for d in its] == made
    assert Delivery.objects.count() == 27


def test_partners_take_turns(partner):
    big, small = partner, factories.partner()
    hooks(big, 12)
    first = publish(big)
    last = publish_to_many(small)

    for _ in range(4):
        fanouts.advance()

    assert not PendingFanout.objects.filter(event=last).exists()
    assert first.deliveries.count() == 2 * PIECE


class TestPoison:
    @pytest.fixture
    def poison(self, partner, monkeypatch):
        """Makes the deliveries to one subscription impossible to write, until it is
        called."""
        made = hooks(partner, 5)
        bad, find, is_mended = made[1], event_deliveries.recipients, []

        def recipients(subscription, **more):
            if subscription.id == bad.id and not is_mended:
                raise ValueError("no such thing")
            return find(subscription, **more)

        monkeypatch.setattr(event_deliveries, "recipients", recipients)
        return lambda: is_mended.append(True)

    def come_round(self):
        """Until nothing more happens, whatever is waited for."""
        for _ in range(30):
            PendingFanout.objects.going_on().update(due_at=None)
            if not fanouts.advance():
                return

    def test_all_others_are_written_at_once(self, partner, poison, caplog):
        event = publish(partner)

        write_all()

        assert event.deliveries.count() == 4
        fanout = PendingFanout.objects.get()
        assert (fanout.remaining, fanout.failures) == (1, 1)
        assert fanout.error == "ValueError: no such thing"
        assert f"fan-out of event {event.id} failed" in caplog.text

    def test_it_delays_no_other_event_of_its_partner_for_long(self, partner, poison):
        first = publish(partner)
        Subscription.objects.filter(events__isnull=True).update(
            events=["order.created"]
        )
        hooks(partner, 5, events=["other"])
        second = publish(partner, "other")

        self.come_round()

        stuck = PendingFanout.objects.get()
        assert (stuck.event, stuck.is_stuck) == (first, True)
        assert second.deliveries.count() == 5
        assert not fanouts.advance(), "it is tried again in ten minutes"

    def test_it_is_written_once_it_can_be(self, partner, poison):
        event = publish(partner)
        self.come_round()
        poison()

        PendingFanout.objects.update(due_at=Now() - timedelta(seconds=1))
        write_all()

        assert event.deliveries.count() == 5
        assert not PendingFanout.objects.exists()

    def test_an_error_before_any_subscription_counts_too(
        self, partner, poison, monkeypatch
    ):
        publish(partner)
        monkeypatch.setattr(fanouts.matching, "by_id", lambda ids: 1 / 0)

        assert fanouts.advance()

        assert PendingFanout.objects.get().error.startswith("ZeroDivisionError")


class TestInOrder:
    def test_a_later_event_waits_for_an_unfinished_one(self, partner):
        hooks(partner, 4)
        ordered = hook(partner, f"{URL}/ordered", is_ordered=True)
        Subscription.objects.exclude(id=ordered.id).update(events=["big"])
        first, second = publish(partner, "big"), publish(partner, "small")
        assert not second.deliveries.exists(), "though it is the only one"

        write_all()
        third = publish(partner, "small")

        its = Delivery.objects.filter(subscription=ordered).order_by("id")
        assert [d.event for d in its] == [first, second, third]
        assert {d.lane for d in its} == {Delivery.Lane.ORDERED}
        assert third.deliveries.exists(), "nothing is waited for any more"

    def test_a_later_event_of_the_same_batch_waits_too(self, partner):
        hooks(partner, 4, events=["big"])
        ordered = hook(partner, f"{URL}/ordered", is_ordered=True)
        new = [
            events.NewEvent(partner=partner, type=type, data={})
            for type in ("big", "small", "big", "small")
        ]

        made = [one.event for one in events.publish_batch(by=SYSTEM, events=new)]
        write_all()

        its = Delivery.objects.filter(subscription=ordered).order_by("id")
        assert [d.event for d in its] == made

    def test_one_that_is_stuck_is_not_waited_for(self, partner):
        hooks(partner, 4, events=["big"])
        hook(partner, f"{URL}/ordered", is_ordered=True)
        publish(partner, "big")
        PendingFanout.objects.update(failures=PendingFanout.STUCK_AFTER)

        assert publish(partner, "small").deliveries.exists()

    def test_a_subscription_that_is_not_in_order_waits_for_nothing(self, partner):
        hooks(partner, 4, events=["big"])
        hook(partner, f"{URL}/other")
        publish(partner, "big")

        assert publish(partner, "small").deliveries.exists()


def test_a_queue_is_not_idle_while_an_event_waits_for_its_deliveries(partner):
    hooks(partner, 4)
    publish(partner)
    assert not outbox.is_idle()

    PendingFanout.objects.update(due_at=Now() + timedelta(minutes=1), failures=1)

    assert outbox.is_idle(), "a later try is not waited for, as with deliveries"


class TestRecoveries:
    def missed(self, subscription):
        return recoveries.start(
            by=SYSTEM,
            partner=subscription.partner,
            filter=recoveries.Filter(
                outcomes=[recoveries.Outcome.MISSED],
                since=timezone.now() - timedelta(hours=1),
                subscription=subscription,
            ),
        )

    def test_what_is_still_to_be_queued_is_not_missed(self, partner):
        made = hooks(partner, 5)
        event = publish(partner)
        queued_last = max(made, key=lambda one: one.id)
        recovery = self.missed(queued_last)

        recoveries.advance()
        write_all()

        assert recovery.total == 0
        assert event.deliveries.count() == 5

    def test_a_subscription_that_it_did_not_match_has_missed_it(self, partner):
        hooks(partner, 5)
        event = publish(partner)
        late = hook(partner, f"{URL}/late")
        recovery = self.missed(late)

        recoveries.advance()
        write_all()

        assert event.deliveries.get(recovery=recovery).url == f"{URL}/late"
        assert event.deliveries.count() == 6


def test_an_event_is_not_pruned_before_all_of_it_is_written(partner):
    hooks(partner, 5)
    event = publish(partner)
    fanouts.advance()
    past = timezone.now() - timedelta(days=400)
    event.deliveries.update(state="delivered", due_at=None, settled_at=past)
    kept = Rules(delivered=timedelta(days=1), failed=timedelta(days=1), statistics=None)
    late = timezone.now() + timedelta(days=30)
    rules = Retention(rules=kept, now=late)

    assert not rules.over().exists()
    write_all()
    event.deliveries.update(state="delivered", due_at=None, settled_at=past)
    assert rules.over().get() == event


def test_an_endpoint_is_not_told_of_itself(partner):
    made = hooks(partner, 5)
    endpoint = Endpoint.objects.get(subscription=made[2])
    failing = EndpointNotification(
        kind=Kind.FAILING, endpoint_id=endpoint.id, at=timezone.now()
    )

    endpoint_notifications.write([failing])
    write_all()

    event = Event.objects.get(type=Kind.FAILING.value)
    own = event.deliveries.get(endpoint=endpoint)
    assert (own.state, own.reason, own.due_at) == (
        "cancelled",
        event_deliveries.OWN,
        None,
    )
    assert event.deliveries.filter(state="pending").count() == 4


def test_a_request_writes_so_many_deliveries_itself(partner, monkeypatch):
    monkeypatch.setattr(event_batches.event_rows, "MOST_DELIVERIES", 5)
    hooks(partner, 2)
    new = [events.NewEvent(partner=partner, type="a.b", data={})] * 4

    made = event_batches.publish(by=SYSTEM, events=new)

    assert [one.unqueued for one in made] == [0, 0, 2, 2]
    write_all()
    assert Delivery.objects.count() == 8
