"""One delivery sent again, or sooner."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone
from standardwebhooks import Webhook

from tests import factories
from tests.clock import at
from tests.operations.outcomes import URL, ended, hook, publish, settle
from webhooks.models import AuditEntry, Delivery, Endpoint, Subscription
from webhooks.operations import deliveries, partners, subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def partner():
    return factories.partner()


def again(delivery, **fields):
    return deliveries.redeliver(by=SYSTEM, delivery=delivery, **fields)


def change(subscription, **fields):
    subscriptions.update(by=SYSTEM, subscription=subscription, change=fields)


@pytest.mark.parametrize("state", ["delivered", "exhausted", "cancelled"])
def test_it_queues_the_same_event_to_the_same_endpoint(partner, state):
    hook(partner)
    old = ended(partner, state)
    now = timezone.now()
    new = at(now, again, old)
    assert new.id != old.id
    assert (new.event_id, new.endpoint_id, new.url) == (
        old.event_id,
        old.endpoint_id,
        URL,
    )
    assert (new.state, new.due_at, new.lane) == ("pending", now, Delivery.Lane.FRESH)
    assert (new.redelivery_of, new.is_rerendered) == (old.id, False)
    assert new.partner == partner
    old.refresh_from_db()
    assert old.state == state
    entry = AuditEntry.objects.get(action="delivery.redelivered")
    assert (entry.target_id, entry.partner_id) == (str(old.id), partner.id)
    assert entry.after == {
        "subscription": str(old.subscription_id),
        "urls": 1,
        "deliveries": [str(new.id)],
        "rerendered": False,
    }


def test_what_has_ended_is_not_sent_where_it_must_wait(partner):
    hook(partner)
    old = ended(partner, "delivered")
    with pytest.raises(deliveries.Ended):
        again(old, must_wait=True)
    waits = again(old)
    assert again(waits, must_wait=True).id == waits.id
    assert Delivery.objects.count() == 2


def test_it_repeats_the_original_and_no_repeat(partner):
    hook(partner)
    old = ended(partner, "exhausted")
    second = settle(again(old), "exhausted")
    third = settle(again(second, rerender=True), "exhausted")
    fourth = again(third)
    assert {d.redelivery_of for d in (second, third, fourth)} == {old.id}
    assert (third.is_rerendered, fourth.is_rerendered) == (True, False)


def test_it_repeats_a_repeat_whose_original_was_pruned(partner):
    hook(partner)
    old = ended(partner, "exhausted")
    second = settle(again(old), "exhausted")
    Delivery.objects.filter(id=old.id).delete()
    assert again(second).redelivery_of == second.id


def test_it_keeps_the_profile_of_its_bytes_unless_it_is_rendered_anew(partner):
    hook(partner)
    old = ended(partner, "exhausted")
    Delivery.objects.update(profile="former")
    assert again(old).profile == "former"
    assert again(old, rerender=True).profile == "standard"


def test_it_goes_to_the_url_that_took_the_place(partner):
    made = hook(partner, URL + "/a", URL + "/b")
    event = publish(partner)
    old = settle(event.deliveries.get(url=URL + "/b"), "exhausted")
    change(made, urls=[URL + "/a", URL + "/c"])
    assert again(old).url == URL + "/c"
    change(made, urls=[URL + "/d"])
    assert again(old).url == URL + "/d"


def test_it_goes_to_no_other_url_in_place_of_a_disabled_one(partner):
    hook(partner, URL + "/a", URL + "/b")
    event = publish(partner)
    old = settle(event.deliveries.get(url=URL + "/b"), "exhausted")
    Endpoint.objects.filter(url=URL + "/b").update(
        disabled_at=timezone.now(), disabled_reason="Gone (410)."
    )
    with pytest.raises(deliveries.NotReceiving, match="Gone"):
        again(old)


def test_what_had_no_url_goes_to_all_that_there_are(partner):
    made = factories.subscription(partner, "portal", profile="standard", urls=[])
    old = publish(partner).deliveries.get()
    assert old.state == "not_sent"
    with pytest.raises(deliveries.NotReceiving, match="no URL"):
        again(old)
    change(made, urls=[URL + "/a", URL + "/b"])
    new = again(old)
    assert new.url == URL + "/a"
    sent = Delivery.objects.filter(redelivery_of=old.id)
    assert {d.url for d in sent} == {URL + "/a", URL + "/b"}


def _delete(made):
    subscriptions.delete(by=SYSTEM, subscription=made)


def _switch_off(made):
    change(made, is_active=False)


def _disable(made):
    Subscription.objects.update(
        disabled_at=timezone.now(), disabled_reason="It failed for 5 days."
    )


def _suspend(made):
    partners.update(by=SYSTEM, partner=made.partner, is_active=False)


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (_delete, "was deleted"),
        (_switch_off, "switched off"),
        (_disable, "It failed for 5 days"),
        (_suspend, "partner is inactive"),
    ],
)
def test_it_says_why_nothing_can_be_sent(partner, happens, words):
    made = hook(partner)
    old = ended(partner, "exhausted")
    happens(made)
    with pytest.raises(deliveries.NotReceiving, match=words):
        again(old)
    assert Delivery.objects.count() == 1


def test_an_ordered_subscription_stays_ordered(partner):
    hook(partner, is_ordered=True)
    assert again(ended(partner, "delivered")).lane == Delivery.Lane.ORDERED


def test_one_that_was_pruned_is_gone(partner):
    hook(partner)
    old = ended(partner, "delivered")
    Delivery.objects.filter(id=old.id).delete()
    with pytest.raises(deliveries.Pruned):
        again(old)


# --- Sooner --------------------------------------------------------------------------


def waiting(partner, **fields):
    delivery = publish(partner).deliveries.get()
    fields.setdefault("due_at", timezone.now() + timedelta(hours=5))
    Delivery.objects.update(attempts=3, lane=Delivery.Lane.LATE, **fields)
    Endpoint.objects.update(next_due_at=None)
    return delivery


def test_a_waiting_one_is_sent_now(partner):
    hook(partner)
    old = waiting(partner)
    same = again(old)
    assert same.id == old.id
    assert same.due_at <= timezone.now() + timedelta(seconds=1)
    assert (same.attempts, same.redelivery_of) == (3, None)
    assert Delivery.objects.count() == 1
    assert Endpoint.objects.get().next_due_at is not None
    entry = AuditEntry.objects.get(action="delivery.sent_now")
    assert entry.target_id == str(old.id)


def test_an_overdue_one_keeps_its_place(partner):
    hook(partner)
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    assert again(waiting(partner, due_at=long_ago)).due_at == long_ago


def test_one_that_is_being_sent_is_left_alone(partner):
    hook(partner)
    old = waiting(partner, claim_token=uuid4())
    with pytest.raises(deliveries.UnderWay):
        again(old)


def test_one_that_waits_for_an_endpoint_that_was_disabled_is_not_promised(partner):
    """Workers are about to cancel it."""
    hook(partner)
    old = waiting(partner)
    Endpoint.objects.update(disabled_at=timezone.now(), disabled_reason="Gone.")
    with pytest.raises(deliveries.NotReceiving, match=r"endpoint was disabled: Gone\."):
        again(old)
    assert not AuditEntry.objects.filter(action="delivery.sent_now").exists()


def test_one_that_waits_is_not_rendered_anew(partner):
    hook(partner)
    with pytest.raises(deliveries.StillPending):
        again(waiting(partner), rerender=True)


# --- Arriving ------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_receiver_gets_the_same_id_and_the_same_bytes(partner, receiver):
    hook(partner, receiver.url("/hook"), secrets=[SECRET])
    publish(partner)
    call_command("deliver", until_idle=True)
    again(Delivery.objects.get())
    call_command("deliver", until_idle=True)
    first, second = receiver.requests
    assert first.body == second.body
    assert first.header("webhook-id") == second.header("webhook-id")
    sent = {name.lower(): value for name, value in second.headers}
    assert Webhook(SECRET).verify(second.body, sent)["type"] == "order.created"
    assert {d.state for d in Delivery.objects.all()} == {"delivered"}
