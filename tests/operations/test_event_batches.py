"""Batches of events: what is wrong with one, or with its partner, refuses no other."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import (
    DataError,
    OperationalError,
    connections,
    transaction,
)

from tests import factories
from tests.operations.outcomes import hook
from tests.waiting import PATIENCE
from webhooks.delivery import outbox
from webhooks.models import Delivery, Event, EventType, Partner
from webhooks.operations import event_batches, eventchecks, events
from webhooks.operations.audit import SYSTEM
from webhooks.operations.event_batches import Failed, NotStored
from webhooks.operations.events import InvalidEvent, Published

pytestmark = pytest.mark.django_db

POISON = {"is": "poison"}


@pytest.fixture
def partner():
    return factories.partner()


@pytest.fixture
def other():
    return factories.partner()


def new(partner, **fields):
    return events.NewEvent(
        **{"partner": partner, "type": "order.created", "data": {}} | fields
    )


def publish(*news):
    return event_batches.publish(by=SYSTEM, events=news)


def kinds(outcomes):
    return [type(outcome) for outcome in outcomes]


@pytest.fixture
def transactions(monkeypatch):
    """The events that each transaction was begun with, and the number that it wrote."""
    begun, write = [], events.write

    def noted(**arguments):
        begun.append(len(arguments["events"]))
        rows = write(**arguments)
        begun[-1] = (begun[-1], len(rows.outcomes))
        return rows

    monkeypatch.setattr(events, "write", noted)
    return begun


def test_it_is_one_transaction_where_all_is_well(partner, other, transactions):
    hook(partner)

    outcomes = publish(*[new(partner), new(other)] * 50)

    assert kinds(outcomes) == [Published] * 100
    assert [o.event.partner for o in outcomes] == [partner, other] * 50
    assert Delivery.objects.count() == 50
    assert transactions == [(100, 100)]


def test_nothing_is_published_without_an_event():
    assert publish() == []


@pytest.mark.parametrize(
    ("bound", "most", "expected"),
    [
        ("MOST_ROWS", 4, [(9, 2), (7, 2), (5, 2), (3, 2), (1, 1)]),
        ("MOST_BYTES", 500, [(9, 7), (2, 2)]),
        ("MOST_PARTNERS", 2, [(9, 6), (3, 3)]),
    ],
)
def test_its_transactions_are_bounded(monkeypatch, transactions, bound, most, expected):
    monkeypatch.setattr(event_batches, bound, most)
    partners = [
        factories.partner() for _ in range(3 if bound == "MOST_PARTNERS" else 1)
    ]
    for partner in partners:
        hook(partner)
    news = [
        new(partner, data={"x": "x" * 40}) for partner in partners for _ in range(9)
    ]

    outcomes = publish(*news[:9] if len(partners) == 1 else news[::3])

    assert set(kinds(outcomes)) == {Published}
    if bound == "MOST_PARTNERS":
        assert [wrote for _, wrote in transactions][:1] == [2]
    else:
        assert transactions == expected


def test_partners_take_turns(partner, other, monkeypatch):
    """When the time is over, a partner with many events has used that of no other."""
    monkeypatch.setattr(event_batches, "MOST_ROWS", 4)
    clock = itertools.count(0, event_batches.SECONDS / 2.5)
    monkeypatch.setattr(event_batches, "monotonic", lambda: next(clock))

    outcomes = publish(*[new(partner)] * 6, new(other), new(other))

    assert kinds(outcomes[6:]) == [Published] * 2
    assert kinds(outcomes[:6]) == [Published] * 6 or NotStored in kinds(outcomes[:6])
    assert Event.objects.filter(partner=other).count() == 2


def test_what_there_is_no_time_for_may_be_published_again(partner, monkeypatch):
    monkeypatch.setattr(event_batches, "SECONDS", -1)

    assert kinds(publish(new(partner), new(partner, data=[]))) == [
        NotStored,
        InvalidEvent,
    ]
    assert not Event.objects.exists()


class TestOneThatFails:
    @pytest.fixture
    def poison(self, monkeypatch):
        """Events that the database refuses, with every row beside them."""
        write = outbox.write

        def refuse(events, deliveries):
            if any(event.data == POISON for event in events):
                raise DataError("value out of range")
            write(events, deliveries)

        monkeypatch.setattr(outbox, "write", refuse)

    def test_it_is_alone_with_it(self, partner, other, poison, caplog):
        hook(partner)
        news = [new(partner) for _ in range(20)] + [new(other) for _ in range(20)]
        news[7] = new(partner, data=POISON)
        news[31] = new(other, data=POISON)

        outcomes = publish(*news)

        failed = [i for i, o in enumerate(outcomes) if isinstance(o, Failed)]
        assert failed == [7, 31]
        assert Event.objects.count() == 38
        assert Delivery.objects.count() == 19
        assert outcomes[7].occurrence in caplog.text
        assert "value out of range" in caplog.text

    def test_other_partners_are_not_written_in_parts(
        self, partner, other, poison, transactions
    ):
        news = [new(partner, data=POISON)] + [new(other)] * 30

        publish(*news)

        assert (30, 30) in transactions

    def test_it_may_fail_before_the_database(self, partner, monkeypatch):
        canonical = eventchecks.canonical

        def fail(event):
            if event.data == POISON:
                raise OverflowError("date value out of range")
            return canonical(event)

        monkeypatch.setattr(eventchecks, "canonical", fail)

        assert kinds(publish(new(partner), new(partner, data=POISON))) == [
            Published,
            Failed,
        ]


class TestAnUncheckableEvent:
    @pytest.mark.parametrize("crash", [RecursionError, MemoryError, KeyError])
    def test_it_is_refused_alone(self, partner, monkeypatch, caplog, crash):
        check = eventchecks._check

        def fail(event):
            if event.data == POISON:
                raise crash("the check broke")
            check(event)

        monkeypatch.setattr(eventchecks, "_check", fail)

        outcomes = publish(new(partner), new(partner, data=POISON), new(partner))

        assert kinds(outcomes) == [Published, InvalidEvent, Published]
        assert "the check broke" in caplog.text

    def test_a_schema_that_refers_to_itself_refuses_its_own_events(self, partner):
        EventType.objects.create(name="loop", schema={"$ref": "#"})

        outcomes = publish(new(partner), new(partner, type="loop"), new(partner))

        assert kinds(outcomes) == [Published, InvalidEvent, Published]


class TestADatabaseThatDoesNotTakeThem:
    def test_it_raises_where_nothing_could_be_stored(self, partner, monkeypatch):
        def away(**_):
            raise OperationalError("the server closed the connection")

        monkeypatch.setattr(events, "write", away)
        monkeypatch.setattr(event_batches, "_is_there", lambda: False)

        with pytest.raises(OperationalError):
            publish(new(partner), new(partner))

    def test_a_part_that_was_stored_is_told(self, partner, other, monkeypatch):
        write = events.write

        def refuse(**arguments):
            if partner in {event.partner for event in arguments["events"]}:
                raise OperationalError("deadlock detected")
            return write(**arguments)

        monkeypatch.setattr(events, "write", refuse)

        outcomes = publish(new(partner), new(other), new(partner), new(other))

        assert kinds(outcomes) == [NotStored, Published, NotStored, Published]

    def test_a_deadlock_is_tried_again(self, partner, monkeypatch):
        write, left = events.write, [OperationalError("deadlock detected")]

        def once(**arguments):
            if left:
                raise left.pop()
            return write(**arguments)

        monkeypatch.setattr(events, "write", once)

        assert kinds(publish(new(partner))) == [Published]

    @pytest.mark.postgresql("SQLite has one lock for all")
    @pytest.mark.django_db(transaction=True)
    def test_a_locked_partner_does_not_hold_up_the_others(
        self, partner, other, monkeypatch
    ):
        monkeypatch.setattr(event_batches, "LOCK_TIMEOUT", 200)
        is_locked, go_on = threading.Event(), threading.Event()

        def lock():
            try:
                with transaction.atomic():
                    Partner.objects.select_for_update().get(id=partner.id)
                    is_locked.set()
                    go_on.wait(PATIENCE)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as pool:
            locking = pool.submit(lock)
            try:
                assert is_locked.wait(PATIENCE)
                outcomes = publish(new(partner), new(other), new(partner), new(other))
            finally:
                go_on.set()
            locking.result(PATIENCE)

        assert kinds(outcomes) == [NotStored, Published, NotStored, Published]
        assert Event.objects.filter(partner=other).count() == 2
        assert kinds(publish(new(partner))) == [Published], "it may be tried again"
