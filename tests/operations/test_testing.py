"""Events that did not happen."""

import pytest

from tests import factories
from tests.delivery.settlements import claimed, result
from tests.operations.outcomes import URL, hook, publish, settle
from webhooks.delivery import outbox
from webhooks.models import (
    AuditEntry,
    Delivery,
    Event,
    EventType,
)
from webhooks.operations import (
    deliveries,
    endpoint_notifications,
    events,
    subscriptions,
    testing,
)
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner():
    return factories.partner()


def send(subscription, **fields):
    return testing.send(by=SYSTEM, subscription=subscription, **fields)


def test_it_is_sent_to_the_subscription_and_to_nobody_else(partner):
    made = hook(partner, URL + "/a", URL + "/b")
    hook(partner, URL + "/other")
    event = send(made)
    assert (event.type, event.partner) == ("webhook.test", partner)
    assert event.data == {"message": "This is a test. Nothing happened."}
    assert event.attributes == {"test_of": str(made.id)}
    assert (Event.objects.get().matched, event.unmatched_reason) == (1, "")
    sent = Delivery.objects.all()
    assert {d.url for d in sent} == {URL + "/a", URL + "/b"}
    for delivery in sent:
        assert (delivery.state, delivery.redelivery_of) == ("pending", None)
    entry = AuditEntry.objects.get(action="subscription.tested")
    assert entry.target_id == str(made.id)
    id = str(entry.target_id)
    assert entry.after == {
        "event": str(event.id),
        "type": "webhook.test",
        "subscription": id,
        "urls": 2,
    }


def test_it_is_sent_whatever_the_subscription_wants(partner):
    assert send(hook(partner, events=[])).type == "webhook.test"


def test_it_may_be_of_a_type_with_the_catalogues_example(partner):
    EventType.objects.update_or_create(name="a", defaults={"example": {"id": "x"}})
    made = hook(partner)
    assert (send(made, type="a").type, send(made, type="a").data) == ("a", {"id": "x"})
    assert send(made, type="b").data == {"message": "This is a test. Nothing happened."}


def test_a_dialect_without_a_name_for_tests_gets_what_it_wants_first(partner):
    made = factories.subscription(partner, "blaze", events=["NEW_MEMBER"])
    assert send(made).type == "member.created"
    with pytest.raises(testing.Untestable):
        send(made, type="webhook.test")
    for profile, wanted in (("nursa", []), ("gone", None)):
        made = factories.subscription(
            partner, "nursa", profile=profile, events=wanted, secrets=[]
        )
        with pytest.raises(testing.Untestable):
            send(made)


def test_it_says_why_nothing_can_be_sent(partner):
    made = hook(partner, is_active=False)
    with pytest.raises(deliveries.NotReceiving, match="switched off"):
        send(made)
    subscriptions.delete(by=SYSTEM, subscription=made)
    with pytest.raises(subscriptions.Deleted):
        send(made)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_worker_knows_it_from_what_happened(partner):
    made = hook(partner)
    test = send(made)
    real = publish(partner, attributes={"a": {"test_of": "x"}, "b": '"test_of"'})
    known = {job.event_id: job.is_test for job in claimed()}
    assert known == {test.id: True, real.id: False}


@pytest.mark.django_db(transaction=True)
def test_one_that_failed_is_sent_again_once_more(partner):
    made = hook(partner)
    event = send(made)
    failed = settle(event.deliveries.get(), "exhausted")
    again = deliveries.redeliver(by=SYSTEM, delivery=failed)
    (job,) = claimed()
    assert (job.id, job.is_test) == (again.id, True)


@pytest.mark.django_db(transaction=True)
def test_it_notifies_nobody_of_one_that_failed(partner):
    hook(partner, URL + "/ops", events=["endpoint.exhausted"])
    send(hook(partner, URL + "/a", events=["order.created"]))
    lose_all()
    assert Delivery.objects.get().state == "exhausted"
    assert not Event.objects.filter(type="endpoint.exhausted").exists()
    publish(partner)
    lose_all()
    assert Event.objects.filter(type="endpoint.exhausted").exists()


def lose_all():
    outbox.settle(
        [
            result(job, Delivery.State.EXHAUSTED, outcome="status", status=500)
            for job in claimed()
        ],
        notify=endpoint_notifications.write,
    )


def test_publishers_cannot_pass_an_event_off_as_one(partner):
    with pytest.raises(events.InvalidEvent, match="test_of"):
        publish(partner, attributes={"test_of": "x"})
