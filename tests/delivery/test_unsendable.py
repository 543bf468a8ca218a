"""What cannot be sent is recorded and tried again, or waits for its key."""

import pytest
from django.db.models.functions import Now

from tests.delivery.backlog import (
    all_due,
    attempts,
    deliver,
    deliver_until_it_waits,
    only,
    publish,
    queued,
    subscription,
)
from webhooks.models import (
    Delivery,
    Endpoint,
    Event,
    SigningSecret,
)
from webhooks.operations import (
    missing_keys,
    subscriptions,
    testing,
)
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)


def _alter_secret(hook):
    SigningSecret.objects.update(
        value=SigningSecret.objects.get().value[:-8] + "AAAAAAA="
    )


def _lose_secret(hook):
    subscriptions.update(by=SYSTEM, subscription=hook, change={"secrets": []})


def _unknown_profile(hook):
    Delivery.objects.update(profile="gone")


def _unusable_secret(hook):
    subscriptions.update(
        by=SYSTEM, subscription=hook, change={"secrets": ["not base64!\0"]}
    )


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_alter_secret, "Undecryptable"),
        (_lose_secret, "Unsigned"),
        (_unknown_profile, "UnknownProfile"),
        (_unusable_secret, "UnusableSecret"),
    ],
)
def test_what_cannot_be_signed_is_never_sent_but_recorded_and_retried(
    receiver, spoil, error
):
    hook = subscription(receiver.url())
    publish(hook)
    spoil(hook)

    deliver_until_it_waits(4, 6)

    assert receiver.requests == []
    assert only().state == Delivery.State.PENDING
    assert only().last_outcome == "error"
    (attempt,) = attempts()
    assert attempt.outcome == "error"
    assert attempt.error.startswith(error)
    assert attempt.request_headers == {}
    assert attempt.status is None


def test_one_whose_encryption_key_is_missing_waits_and_loses_no_attempt(
    receiver, settings
):
    hook = subscription(receiver.url())
    publish(hook)
    configured = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = {"another": bytes(32)}

    deliver_until_it_waits(300, 300)

    assert receiver.requests == []
    assert only().state == Delivery.State.PENDING
    assert only().attempts == 0
    assert only().reason == Delivery.WAITS_FOR_KEY
    assert attempts() == []
    assert only().endpoint.failing_since is None
    assert missing_keys.count_waiting_deliveries() == 1

    settings.ENCRYPTION_KEYS |= configured
    all_due()
    deliver()

    assert len(receiver.requests) == 1
    assert (only().state, only().reason) == (Delivery.State.DELIVERED, "")


def test_the_probe_of_an_endpoint_that_lacks_the_key_is_made_again(receiver, settings):
    hook = subscription(receiver.url())
    publish(hook)
    Endpoint.objects.update(
        trips=3, open_until=Now(), consecutive_failures=9, failing_since=Now()
    )
    configured = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = {"another": bytes(32)}
    deliver()
    assert only().endpoint.probe_token is None

    settings.ENCRYPTION_KEYS |= configured
    all_due()
    deliver()

    assert only().state == Delivery.State.DELIVERED


def test_a_test_that_lacks_the_key_fails_at_once(receiver, settings):
    hook = subscription(receiver.url())
    testing.send(by=SYSTEM, subscription=hook)
    settings.ENCRYPTION_KEYS = {"another": bytes(32)}

    deliver()

    assert only().state == Delivery.State.EXHAUSTED
    assert attempts()[0].error.startswith("KeyMissing")


def test_data_that_cannot_be_read_fails_its_own_delivery_and_no_other(receiver):
    queued(receiver.url())
    # REST refuses a number that no reader takes; other writers may not.
    Event.objects.update(data={"n": 10**400})
    queued(receiver.url())

    deliver()

    assert len(receiver.requests) == 1
    unread = Delivery.objects.pending().get()
    assert unread.last_outcome == "error"
    assert attempts(unread.id)[0].error.startswith("JSONDecodeError")


def test_a_type_that_the_profile_lost_its_name_for_is_recorded(receiver):
    queued(receiver.url())
    Delivery.objects.update(profile="blaze")
    Event.objects.update(type="never.heard.of")

    deliver()

    assert receiver.requests == []
    assert attempts()[0].error.startswith("Inexpressible")
