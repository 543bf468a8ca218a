"""Endpoint notifications: who gets them, and that they never cause more of them."""

import json
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from standardwebhooks import Webhook

from tests import factories
from tests.delivery.backlog import SECRET, all_due, deliver, publish, subscription
from tests.delivery.settlements import claimed, retry
from webhooks.delivery import outbox
from webhooks.delivery.endpoint_notifications import EndpointNotification, Kind
from webhooks.models import (
    AuditEntry,
    Delivery,
    Endpoint,
    Event,
    Notice,
    Partner,
    Subscription,
)
from webhooks.operations import endpoint_notifications, partners
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"
OPS = "https://ops.example.com/hook"
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SINCE = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
GONE = "The receiver answered 410 Gone."


@pytest.fixture
def partner() -> Partner:
    return factories.partner(name="Acme", contact_email="ops@acme.example")


@pytest.fixture
def blaze(partner) -> Endpoint:
    """An endpoint that is not the portal's own kind."""
    return factories.subscription(partner, "blaze", urls=[URL]).endpoints.get()


@pytest.fixture
def ops(partner) -> Endpoint:
    """Where the partner hears of everything that concerns its endpoints."""
    kinds = [kind.value for kind in Kind]
    return subscription(OPS, partner=partner, events=kinds).endpoints.get()


def notification(kind: Kind, endpoint: Endpoint, **fields) -> EndpointNotification:
    return EndpointNotification(
        kind=kind,
        endpoint_id=endpoint.id,
        **{  # type: ignore[arg-type]
            "at": AT,
            "failing_since": SINCE,
            "failures": 9,
            "outcome": "status",
            "status": 500,
            "event_type": "order.created",
        }
        | fields,
    )


def write(*notifications: EndpointNotification) -> None:
    """As a settlement does."""
    with transaction.atomic():
        endpoint_notifications.write(notifications)


def disable(
    endpoint: Endpoint, reason: str = GONE, *, last: bool = True
) -> EndpointNotification:
    """What the settlement has written before it notifies."""
    Endpoint.objects.filter(id=endpoint.id).update(
        disabled_at=AT, disabled_reason=reason
    )
    if last:
        Subscription.objects.filter(id=endpoint.subscription_id).update(
            disabled_at=AT, disabled_reason=reason
        )
    return notification(Kind.DISABLED, endpoint, reason=reason, status=410)


def waiting() -> set[tuple[str, str]]:
    """The type and URL of every delivery that waits to be sent."""
    return set(Delivery.objects.pending().values_list("event__type", "url"))


@pytest.mark.parametrize("kind", [Kind.FAILING, Kind.RECOVERED, Kind.DISABLED])
def test_a_subscription_that_wants_it_is_sent_an_event(kind, partner, blaze, ops):
    write(disable(blaze) if kind is Kind.DISABLED else notification(kind, blaze))

    assert waiting() == {(kind.value, OPS)}
    event = Event.objects.get()
    assert (event.partner, event.occurred_at) == (partner, AT)
    assert event.data["endpoint"] == {"id": str(blaze.id), "url": URL}
    assert event.data["subscription"] == {
        "id": blaze.subscription.public_id,
        "dialect": "blaze",
        "name": "",
    }
    assert event.data["failing_since"] == "2026-11-16T12:00:00Z"
    assert event.data["failures"] == 9
    assert event.data.get("reason") == (GONE if kind is Kind.DISABLED else None)


def test_it_is_due_by_the_clock_that_noticed(blaze, ops):
    write(notification(Kind.FAILING, blaze))
    assert Delivery.objects.get().due_at == AT


@pytest.mark.parametrize(
    ("outcome", "status", "words"),
    [
        ("ok", 200, None),
        ("status", 500, "The endpoint answered with status 500."),
        ("redirect", 302, "The endpoint answered with a redirect, which is not followed."),
        ("dns", None, "The endpoint could not be reached."),
        ("refused", None, "The endpoint could not be reached."),
        ("timeout", None, "The endpoint could not be reached."),
        ("error", None, "The request could not be made."),
        ("", None, None),
    ],
)  # fmt: skip
def test_it_says_why_in_words_for_partners(blaze, ops, outcome, status, words):
    write(notification(Kind.FAILING, blaze, outcome=outcome, status=status))

    data = Event.objects.get().data
    assert (data["last_error"], data["last_status"]) == (words, status)


def test_what_is_exhausted_is_listed(blaze, ops):
    published = publish(blaze.subscription, 3, type="customer.created")
    ids = tuple(d.id for d in published if d.endpoint_id == blaze.id)

    write(notification(Kind.EXHAUSTED, blaze, deliveries=ids))

    data = Event.objects.get(type="endpoint.exhausted").data
    assert data["count"] == 3
    assert data["deliveries"] == [
        {"id": str(d.id), "event_id": str(d.event_id), "event_type": "customer.created"}
        for d in published
    ]


def test_a_list_is_cut_and_says_how_long_it_was(blaze, ops, monkeypatch):
    monkeypatch.setattr(endpoint_notifications, "MOST_LISTED", 2)
    published = publish(blaze.subscription, 3, type="customer.created")

    write(
        notification(Kind.EXHAUSTED, blaze, deliveries=tuple(d.id for d in published))
    )

    data = Event.objects.get(type="endpoint.exhausted").data
    assert (data["count"], len(data["deliveries"])) == (3, 2)


class TestWhoIsNotTold:
    def test_nothing_is_published_where_nobody_wants_it(self, partner, blaze):
        subscription(OPS, partner=partner, events=["order.created"])
        write(notification(Kind.FAILING, blaze))
        assert not Event.objects.exists()

    @pytest.mark.parametrize(
        "fields",
        [
            {"is_active": False},
            {"deleted_at": AT},
            {"disabled_at": AT, "disabled_reason": GONE},
        ],
        ids=["inactive", "deleted", "disabled"],
    )
    def test_nothing_is_published_where_who_wants_it_is_off(self, blaze, ops, fields):
        Subscription.objects.filter(id=ops.subscription_id).update(**fields)
        write(notification(Kind.FAILING, blaze))
        assert not Event.objects.exists()

    def test_an_inactive_partner_is_told_nothing(self, partner, blaze, ops):
        partners.update(by=SYSTEM, partner=partner, is_active=False)
        write(disable(blaze))
        assert not Event.objects.exists()
        assert not Notice.objects.exists()

    def test_another_partner_is_told_nothing(self, blaze):
        subscription(OPS, events=None)
        write(notification(Kind.FAILING, blaze))
        assert not Event.objects.exists()

    def test_a_deleted_subscription_is_no_news(self, blaze, ops):
        Subscription.objects.filter(id=blaze.subscription_id).update(deleted_at=AT)
        write(disable(blaze))
        assert not Event.objects.exists()
        assert not Notice.objects.exists()

    def test_a_url_that_was_replaced_is_news_only_for_what_was_lost(self, blaze, ops):
        (lost,) = publish(blaze.subscription, type="customer.created")
        Endpoint.objects.filter(id=blaze.id).update(removed_at=AT)

        write(
            notification(Kind.FAILING, blaze),
            notification(Kind.EXHAUSTED, blaze, deliveries=(lost.id,)),
        )

        told = Event.objects.exclude(type="customer.created")
        assert [event.type for event in told] == ["endpoint.exhausted"]


class TestLoops:
    @pytest.fixture
    def pair(self, partner) -> tuple[Endpoint, Endpoint]:
        """Two subscriptions of the portal's own kind that are sent everything."""
        one = subscription("https://one.example.com/", partner=partner, events=None)
        two = subscription("https://two.example.com/", partner=partner, events=None)
        return one.endpoints.get(), two.endpoints.get()

    def test_an_endpoint_is_not_sent_what_it_is_about(self, pair):
        one, two = pair

        write(notification(Kind.FAILING, one))

        assert waiting() == {("endpoint.failing", two.url)}
        own = Delivery.objects.get(endpoint=one)
        assert own.state == "cancelled"
        # Stored rows have these very words, and a recovery leaves them out by them.
        assert own.reason == "It tells of this endpoint itself."
        assert own.settled_at == AT

    def test_two_that_fail_at_once_are_each_told_of_the_other(self, pair):
        one, two = pair

        write(notification(Kind.FAILING, one), notification(Kind.FAILING, two))

        told = {
            (d.event.data["endpoint"]["url"], d.url)
            for d in Delivery.objects.pending().select_related("event")
        }
        assert told == {(one.url, two.url), (two.url, one.url)}

    def test_the_only_endpoint_that_wants_it_gets_no_event_at_all(self, ops):
        write(
            notification(Kind.FAILING, ops),
            notification(Kind.RECOVERED, ops, outcome="ok", status=200),
            disable(ops),
        )
        assert not Event.objects.exists()

    def test_other_urls_of_the_same_subscription_are_told(self, partner):
        both = subscription(
            "https://one.example.com/", "https://two.example.com/", partner=partner
        )
        one, two = both.endpoints.order_by("position")

        write(disable(one, last=False))

        assert waiting() == {("endpoint.disabled", two.url)}
        assert not Delivery.objects.filter(endpoint=one).exists()

    @pytest.mark.parametrize("carried", list(Kind))
    @pytest.mark.parametrize("kind", [Kind.FAILING, Kind.RECOVERED])
    def test_nothing_is_said_of_an_attempt_that_carried_such_news(
        self, pair, kind, carried
    ):
        write(notification(kind, pair[0], event_type=carried.value))
        assert not Event.objects.exists()

    def test_exhausted_news_is_no_news(self, pair, blaze):
        one, _ = pair
        write(notification(Kind.FAILING, blaze))
        assert len(waiting()) == 2
        lost = Delivery.objects.get(endpoint=one)

        write(
            notification(
                Kind.EXHAUSTED,
                one,
                deliveries=(lost.id,),
                event_type="endpoint.failing",
            )
        )

        assert Event.objects.count() == 1

    def test_of_what_is_exhausted_only_news_is_left_out(self, pair, blaze):
        one, _ = pair
        write(notification(Kind.FAILING, blaze))
        publish(one.subscription, type="order.created")
        lost = Delivery.objects.filter(endpoint=one)

        write(
            notification(
                Kind.EXHAUSTED,
                one,
                deliveries=tuple(lost.values_list("id", flat=True)),
                event_type="endpoint.failing",
            )
        )

        data = Event.objects.get(type="endpoint.exhausted").data
        assert data["count"] == 1
        assert data["deliveries"][0]["event_type"] == "order.created"

    def test_a_dead_endpoint_is_told_of_to_the_others(self, pair):
        one, two = pair

        write(disable(one))
        assert waiting() == {("endpoint.disabled", two.url)}

        # Also if what it failed on was news: it happens once.
        write(disable(two))
        assert waiting() == {("endpoint.disabled", two.url)}

    def test_failing_for_ever_ends(self, pair, blaze):
        """Whatever the two do with what they are told, it comes to an end."""
        write(notification(Kind.FAILING, blaze))
        for _ in range(10):
            told = list(Delivery.objects.pending().select_related("event", "endpoint"))
            for delivery in told:
                about = {"event_type": delivery.event.type}
                write(
                    notification(Kind.FAILING, delivery.endpoint, **about),
                    notification(Kind.RECOVERED, delivery.endpoint, **about),
                    notification(
                        Kind.EXHAUSTED,
                        delivery.endpoint,
                        deliveries=(delivery.id,),
                        **about,
                    ),
                )
            Delivery.objects.filter(id__in=[d.id for d in told]).update(
                state="exhausted", due_at=None, settled_at=AT
            )

        assert Event.objects.count() == 1

    def test_two_that_fail_on_news_of_each_other_do_not_go_on(self, pair):
        """What was carried is what settling says, so it is settled here."""
        one, two = pair
        for _ in range(5):
            publish(one.subscription)
        own = Delivery.objects.filter(endpoint=two, event__type="order.created")
        own.update(state="cancelled", due_at=None, settled_at=AT)

        for _ in range(12):  # until both have failed often enough
            results = [retry(job) for job in claimed()]
            outbox.settle(results, notify=endpoint_notifications.write)
            all_due()

        assert Endpoint.objects.get(id=one.id).consecutive_failures >= 5
        assert Endpoint.objects.get(id=two.id).consecutive_failures >= 5
        kinds = [Kind.FAILING.value]
        assert (
            list(
                Event.objects.exclude(type="order.created").values_list(
                    "type", flat=True
                )
            )
            == kinds
        )


class TestTheLog:
    def test_it_says_that_an_endpoint_was_disabled_and_by_whom(self, partner, blaze):
        write(disable(blaze))

        entry = AuditEntry.objects.get(action="endpoint.disabled")
        assert (entry.actor_kind, entry.actor) == ("system", "system")
        assert (entry.target_id, entry.target) == (str(blaze.id), URL)
        assert (entry.partner_id, entry.dialect) == (partner.id, "blaze")
        assert entry.after == {
            "disabled_at": "2026-11-21T12:00:00Z",
            "disabled_reason": GONE,
        }

    @pytest.mark.parametrize("last", [True, False])
    def test_it_says_that_the_subscription_went_with_its_last_endpoint(
        self, blaze, last
    ):
        write(disable(blaze, last=last))

        found = AuditEntry.objects.filter(action="subscription.disabled")
        assert [entry.target_id for entry in found] == (
            [str(blaze.subscription_id)] if last else []
        )

    def test_failing_and_recovering_change_nothing_that_it_tells_of(self, blaze, ops):
        before = AuditEntry.objects.count()
        write(notification(Kind.FAILING, blaze), notification(Kind.RECOVERED, blaze))
        assert AuditEntry.objects.count() == before


class TestMail:
    def test_the_contact_is_owed_one_when_an_endpoint_is_disabled(self, partner, blaze):
        write(disable(blaze))

        notice = Notice.objects.get()
        assert (notice.partner, notice.to) == (partner, "ops@acme.example")
        assert (notice.created_at, notice.due_at) == (AT, AT)
        assert notice.context["endpoints"][0]["url"] == URL

    def test_it_is_owed_one_for_all_that_were_disabled_at_once(self, partner):
        both = subscription(URL, OPS, partner=partner)
        other = subscription(
            URL, partner=factories.partner(contact_email="b@b.example")
        )
        write(*(disable(e) for e in [*both.endpoints.all(), other.endpoints.get()]))

        owed = dict(Notice.objects.values_list("to", "context"))
        assert {to: len(context["endpoints"]) for to, context in owed.items()} == {
            "ops@acme.example": 2,
            "b@b.example": 1,
        }

    def test_nobody_is_mailed_for_less_or_without_an_address(self, blaze, ops):
        write(notification(Kind.FAILING, blaze), notification(Kind.RECOVERED, blaze))
        nameless = subscription(URL).endpoints.get()
        write(disable(nameless))
        assert not Notice.objects.exists()


class TestTheSettlement:
    def test_what_is_told_stands_or_falls_with_it(self, blaze, ops):
        with transaction.atomic():
            endpoint_notifications.write([disable(blaze)])
            transaction.set_rollback(True)

        assert not Event.objects.exists()
        assert not Notice.objects.exists()
        assert not AuditEntry.objects.filter(action="endpoint.disabled").exists()

    @pytest.mark.parametrize("statement", [None, "SELECT no_such_column FROM x"])
    def test_it_outlives_a_mistake_of_ours(
        self, blaze, ops, monkeypatch, caplog, statement
    ):
        def fail(*args):
            if statement is None:
                raise ZeroDivisionError
            with connection.cursor() as cursor:
                cursor.execute(statement)

        monkeypatch.setattr(endpoint_notifications, "_cancel_own", fail)
        with transaction.atomic():
            Endpoint.objects.update(consecutive_failures=9, failing_since=AT)
            endpoint_notifications.write([disable(blaze)])

        assert Endpoint.objects.get(id=blaze.id).consecutive_failures == 9
        assert not Event.objects.exists()
        assert not Notice.objects.exists()
        assert "1 endpoint notifications were lost." in caplog.text

    def test_it_is_made_again_when_the_database_breaks_off_a_deadlock(
        self, blaze, ops, monkeypatch
    ):
        def fail(*args):
            cause = Exception()
            cause.sqlstate = "40P01"
            raise OperationalError("deadlock detected") from cause

        monkeypatch.setattr(endpoint_notifications, "_publish", fail)
        with pytest.raises(OperationalError), transaction.atomic():
            endpoint_notifications.write([notification(Kind.FAILING, blaze)])

    def test_it_does_not_pass_for_written_when_the_transaction_is_lost(
        self, blaze, ops, monkeypatch
    ):
        def fail(*args):
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
            raise DatabaseError("The connection is not what it was.")

        monkeypatch.setattr(endpoint_notifications, "_write", fail)
        with pytest.raises(DatabaseError), transaction.atomic():
            endpoint_notifications.write([notification(Kind.FAILING, blaze)])

    def test_unknown_endpoints_are_no_reason_to_fail(self, blaze, ops, caplog):
        gone = notification(Kind.FAILING, Endpoint())
        write(gone, notification(Kind.FAILING, blaze))
        assert waiting() == {("endpoint.failing", OPS)}
        assert not caplog.records

    def test_a_type_that_staff_gave_a_schema_of_its_own_costs_only_the_news(
        self, blaze, ops, caplog
    ):
        from webhooks.models import EventType

        EventType.objects.update_or_create(
            name="endpoint.failing", defaults={"schema": {"required": ["x"]}}
        )
        write(disable(blaze), notification(Kind.FAILING, blaze))
        assert waiting() == {("endpoint.disabled", OPS)}
        assert "was refused" in caplog.text

    def test_its_statements_are_as_many_for_hundreds_as_for_one(self):
        def happened(count):
            found = []
            for _ in range(count):
                partner = factories.partner(contact_email="a@a.example")
                one = subscription(URL, partner=partner, events=None)
                two = subscription(OPS, partner=partner, events=None)
                (lost, _) = publish(one)
                endpoint = one.endpoints.get()
                found += [
                    notification(Kind.FAILING, endpoint),
                    notification(Kind.EXHAUSTED, endpoint, deliveries=(lost.id,)),
                    disable(two.endpoints.get()),
                ]
            return found

        few, many = happened(1), happened(30)
        with CaptureQueriesContext(connection) as for_few:
            write(*few)
        with CaptureQueriesContext(connection) as for_many:
            write(*many)

        assert Notice.objects.count() == 31
        assert len(for_many) == len(for_few)
        assert len(for_many) < 20


def test_a_receiver_that_says_it_is_gone_is_heard_of(partner, receiver, mailoutbox):
    """By the real worker: over sockets, and by mail."""
    receiver.answer("/gone", status=410)
    gone = factories.subscription(
        partner, "blaze", urls=[receiver.url("/gone")], events=["NEW_CONSUMER_SIGNUP"]
    )
    subscription(receiver.url("/ops"), partner=partner, events=["endpoint.disabled"])
    publish(gone, type="customer.created")

    deliver()

    (told,) = [r for r in receiver.requests if r.path == "/ops"]
    body = json.loads(told.body)
    assert body["type"] == "endpoint.disabled"
    assert body["data"]["endpoint"]["url"] == receiver.url("/gone")
    assert body["data"]["last_status"] == 410
    Webhook(SECRET).verify(told.body.decode(), dict(told.headers))
    (mail,) = mailoutbox
    assert mail.to == ["ops@acme.example"]
    assert receiver.url("/gone") in mail.body
    assert Notice.objects.get().sent_at is not None
