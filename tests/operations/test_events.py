import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from tests import factories
from tests.clock import at
from tests.waiting import PATIENCE
from webhooks.delivery import standard, wire
from webhooks.delivery.schedule import Schedule
from webhooks.models import AuditEntry, Delivery, Event, Subscription
from webhooks.operations import (
    event_deliveries,
    event_rows,
    events,
    subscriptions,
)
from webhooks.operations.audit import SYSTEM, Actor

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
URL = "https://receiver.example.com/hook"

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner():
    return factories.partner()


def publish(partner, *, now=NOW, **fields):
    fields = {"type": "order.created", "data": {"id": 1}} | fields
    return at(now, events.publish, by=SYSTEM, partner=partner, **fields)


def hook(partner, *urls, **fields):
    fields.setdefault("profile", standard.NAME)
    return factories.subscription(partner, "portal", urls=urls or [URL], **fields)


def test_an_event_and_its_deliveries_are_written(partner):
    wide = hook(partner, URL, URL + "2")
    narrow = hook(partner, URL, events=["order.created"])
    hook(factories.partner())

    published = publish(
        partner, occurred_at=NOW - timedelta(hours=1), attributes={"shop_id": "s1"}
    )

    assert published.created
    event = Event.objects.get()
    assert event == published.event
    assert (event.partner, event.type, event.data) == (
        partner,
        "order.created",
        {"id": 1},
    )
    assert event.attributes == {"shop_id": "s1"}
    assert event.occurred_at == NOW - timedelta(hours=1)
    assert (event.created_at, event.matched, event.unmatched_reason) == (NOW, 2, "")
    rows = Delivery.objects.order_by("subscription_id", "url")
    assert sorted((d.subscription_id, d.url) for d in rows) == sorted(
        [(wide.id, URL), (wide.id, URL + "2"), (narrow.id, URL)]
    )
    for delivery in rows:
        assert (delivery.event, delivery.partner) == (event, partner)
        assert (delivery.state, delivery.due_at) == ("pending", NOW)
        assert delivery.profile == "standard"
        assert delivery.endpoint.url == delivery.url
        assert delivery.claim_token is None


def test_it_happened_when_it_was_published_unless_it_says_otherwise(partner):
    assert publish(partner).event.occurred_at == NOW


def test_a_first_wait_that_is_not_nought_is_waited(partner, monkeypatch):
    late = wire.WireProfile(
        name="late",
        event_names={},
        passes_unknown=True,
        render=standard.render,
        null_is_every=True,
        schedule=Schedule(waits=(30,)),
        timeout=5,
    )
    monkeypatch.setitem(wire._profiles, "late", late)
    hook(partner, profile="late")

    publish(partner)

    assert Delivery.objects.get().due_at == NOW + timedelta(seconds=30)


def test_a_subscription_without_urls_gets_a_record_that_nothing_was_sent(partner):
    factories.subscription(partner, "portal", profile="standard", urls=[])

    event = publish(partner).event

    assert event.matched == 1
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.endpoint, delivery.url) == ("not_sent", None, "")
    assert delivery.reason == event_deliveries.NO_URL
    assert (delivery.due_at, delivery.settled_at) == (None, NOW)


def test_removed_endpoints_are_told_of_nothing_new(partner):
    changed = hook(partner, URL)
    subscriptions.update(
        by=SYSTEM, subscription=changed, change={"urls": [URL + "/new"]}
    )

    publish(partner)

    assert Delivery.objects.get().url == URL + "/new"


@pytest.mark.parametrize(
    ("bound_to", "shop", "matches"),
    [
        ("", None, True),
        ("", "s1", True),
        ("s1", None, True),
        ("s1", "s1", True),
        ("s1", "s2", False),
    ],
)
def test_a_subscription_of_a_shop_is_told_of_that_shop(
    partner, bound_to, shop, matches
):
    hook(partner, shop_id=bound_to)

    event = publish(partner, attributes={"shop_id": shop} if shop else None).event

    assert event.matched == matches


def _inactive(partner):
    factories.subscription(partner, "portal", profile="standard", is_active=False)


def _disabled(partner):
    made = hook(partner)
    Subscription.objects.filter(id=made.id).update(
        disabled_at=NOW, disabled_reason="It failed for five days."
    )


def _deleted(partner):
    subscriptions.delete(by=SYSTEM, subscription=hook(partner))


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        (lambda p: None, "The partner has no subscriptions."),
        (_deleted, "The partner has no subscriptions."),
        (_inactive, "Of the partner's subscriptions: 1 inactive or disabled."),
        (_disabled, "Of the partner's subscriptions: 1 inactive or disabled."),
        (
            lambda p: hook(p, events=["order.updated"]),
            "Of the partner's subscriptions: 1 not subscribed to this type.",
        ),
        (
            lambda p: hook(p, shop_id="other"),
            "Of the partner's subscriptions: 1 bound to another shop.",
        ),
        (
            lambda p: hook(p, profile="retired", secrets=[]),
            (
                "Of the partner's subscriptions:"
                " 1 in a dialect that has no name for this type."
            ),
        ),
        (
            lambda p: [_inactive(p), hook(p, events=[]), hook(p, events=["x"])],
            (
                "Of the partner's subscriptions:"
                " 2 not subscribed to this type, 1 inactive or disabled."
            ),
        ),
    ],
)
def test_an_event_that_nobody_is_told_of_says_why(partner, arrange, reason):
    arrange(partner)

    event = publish(partner, attributes={"shop_id": "s1"}).event

    assert (event.matched, event.unmatched_reason) == (0, reason)
    assert not Delivery.objects.exists()


def test_a_type_that_a_dialect_cannot_express_is_not_sent_there(partner, monkeypatch):
    terse = wire.WireProfile(
        name="terse",
        event_names={"order.created": "NEW_ORDER"},
        render=standard.render,
        schedule=Schedule(waits=(0,)),
        timeout=5,
    )
    monkeypatch.setitem(wire._profiles, "terse", terse)
    hook(partner, profile="terse", events=["NEW_ORDER"])

    assert publish(partner, type="order.created").event.matched == 1
    assert "no name for this type" in (
        publish(partner, type="order.exploded").event.unmatched_reason
    )


def test_an_inactive_partner_is_told_of_nothing():
    partner = factories.partner(is_active=False)
    hook(partner)

    event = publish(partner).event

    assert event.unmatched_reason == "The partner is inactive."
    assert not Delivery.objects.exists()


# --- Idempotency ---------------------------------------------------------------------


def test_the_same_key_and_content_is_the_same_event(partner):
    hook(partner)
    content = {"data": {"a": 1, "b": 2}, "idempotency_key": "k"}
    first = publish(partner, **content)

    again = publish(
        partner, idempotency_key="k", data={"b": 2, "a": 1}, now=NOW + timedelta(days=9)
    )

    assert first.created
    assert not again.created
    assert again.event == first.event
    assert Event.objects.count() == Delivery.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"id": 2}},
        {"type": "order.updated"},
        {"attributes": {"shop_id": "1"}},
        {"occurred_at": NOW},
    ],
)
def test_the_same_key_for_other_content_is_a_conflict(partner, other):
    publish(partner, idempotency_key="k")

    with pytest.raises(events.IdempotencyConflict):
        publish(partner, idempotency_key="k", **other)

    assert Event.objects.count() == 1


def test_a_key_belongs_to_its_partner(partner):
    publish(partner, idempotency_key="k")

    assert publish(factories.partner(), idempotency_key="k").created


def test_without_a_key_the_same_content_is_another_event(partner):
    assert publish(partner).event != publish(partner).event


@pytest.mark.django_db(transaction=True)
def test_calls_at_once_with_one_key_make_one_event(partner):
    hook(partner)
    outcomes, start = [], threading.Barrier(6)

    def call():
        try:
            start.wait()
            outcomes.append(
                events.publish(
                    by=SYSTEM,
                    partner=partner,
                    type="order.created",
                    data={},
                    idempotency_key="k",
                )
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(o.created for o in outcomes) == [False] * 5 + [True]
    assert len({o.event.id for o in outcomes}) == 1
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_batches_with_the_same_keys_in_any_order_do_not_wait_for_each_other(partner):
    keys = [f"order-{number}" for number in range(9)]
    gate = threading.Barrier(3)

    def batch(keys):
        new = [
            events.NewEvent(
                partner=partner, type="order.created", data={}, idempotency_key=key
            )
            for key in keys
        ]
        try:
            gate.wait(PATIENCE)
            return events.publish_batch(by=SYSTEM, events=new)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            # Holds both up in the middle, each with what the other needs next.
            publish(partner, idempotency_key=keys[4])
            running = [pool.submit(batch, order) for order in (keys, keys[::-1])]
            gate.wait(PATIENCE)
            time.sleep(0.5)
            transaction.set_rollback(True)
        outcomes = [one for batch in running for one in batch.result()]

    assert sum(one.created for one in outcomes) == Event.objects.count() == len(keys)


def test_a_call_that_loses_the_race_finds_the_winner(partner, monkeypatch):
    winner = publish(partner, idempotency_key="k")
    look, too_early = event_rows._already_published, iter([{}])
    monkeypatch.setattr(
        event_rows, "_already_published", lambda new: next(too_early, look(new))
    )

    outcome = publish(partner, idempotency_key="k")

    assert not outcome.created
    assert outcome.event == winner.event


def test_any_other_refusal_of_the_database_is_told(partner, monkeypatch):
    # As when the partner is gone; a retry would never end.
    taken = publish(partner).event
    monkeypatch.setattr(event_rows, "_event", lambda *_: taken)

    with pytest.raises(IntegrityError):
        publish(partner)


# --- Batches -------------------------------------------------------------------------


def batch(*news):
    return at(NOW, events.publish_batch, by=SYSTEM, events=news)


def new(partner, **fields):
    return events.NewEvent(
        **{"partner": partner, "type": "order.created", "data": {}} | fields
    )


def test_a_batch_has_an_outcome_for_each(partner):
    other = factories.partner()
    hook(partner)
    publish(partner, idempotency_key="used", data={})

    outcomes = batch(
        new(partner),
        new(partner, data=[]),
        new(other),
        new(partner, idempotency_key="used"),
        new(partner, idempotency_key="used", data={"a": 1}),
        new(partner, idempotency_key="twice"),
        new(partner, idempotency_key="twice"),
        new(other, idempotency_key="twice"),
    )

    assert [type(o).__name__ for o in outcomes] == [
        "Published",
        "InvalidEvent",
        "Published",
        "Published",
        "IdempotencyConflict",
        "Published",
        "Published",
        "Published",
    ]
    assert [o.created for o in outcomes if isinstance(o, events.Published)] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]
    assert outcomes[5].event == outcomes[6].event
    assert outcomes[2].event.matched == 0
    assert Event.objects.count() == 5
    assert Delivery.objects.count() == 3


def test_a_batch_of_nothing_is_nothing():
    assert batch() == []


def test_a_batch_takes_the_same_few_statements_for_many(
    partner, django_assert_max_num_queries
):
    for _ in range(3):
        hook(partner, URL, URL + "2")
    news = [new(partner, idempotency_key=str(number)) for number in range(100)]

    # Schemas, keys, subscriptions, endpoints; events and deliveries; and SQLite takes
    # fewer rows a statement.
    with django_assert_max_num_queries(30):
        batch(*news)

    assert Delivery.objects.count() == 600


def test_a_staff_members_event_is_audited_and_a_keys_is_not(partner):
    staff = Actor.of_staff(user_id=1, username="ada")
    event = at(
        NOW, events.publish, by=staff, partner=partner, type="order.created", data={}
    ).event
    publish(partner)

    entry = AuditEntry.objects.get(action="event.published")
    assert (entry.actor, entry.target_id) == ("ada", str(event.id))
    assert entry.partner_id == partner.id
