"""Endpoint notifications and the settlement that makes them: one transaction."""

import json

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from standardwebhooks import Webhook

from tests import factories
from tests.delivery.backlog import SECRET, deliver, publish, subscription
from tests.operations.notifications import (
    AT,
    OPS,
    URL,
    disable,
    notification,
    waiting,
    write,
)
from webhooks.delivery.endpoint_notifications import Kind
from webhooks.models import (
    AuditEntry,
    Endpoint,
    Event,
    Notice,
    Partner,
)
from webhooks.operations import endpoint_notifications

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def partner() -> Partner:
    return factories.partner(name="Acme", contact_email="ops@acme.example")


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
        publish = endpoint_notifications._publish

        def publish_and_fail(cases):
            publish(cases)
            if statement is None:
                raise ZeroDivisionError
            with connection.cursor() as cursor:
                cursor.execute(statement)

        monkeypatch.setattr(endpoint_notifications, "_publish", publish_and_fail)
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
