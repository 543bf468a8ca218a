"""What a BLAZE subscriber receives."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from webhooks.delivery.schedule import STANDARD
from webhooks.delivery.wire import Message, Signing
from webhooks.dialects.blaze.wire import PROFILE


def message(data) -> Message:
    return Message(
        event_id=UUID(int=1),
        event_name="NEW_CONSUMER_SIGNUP",
        event_type="customer.created",
        occurred_at=datetime(2026, 11, 21, 2, 0, tzinfo=UTC),
        data=data,
        url="https://r.test/h",
        subscription_id="a" * 24,
    )


def test_it_sends_the_entity_alone():
    data = {"id": "5f1", "firstName": "Zoë", "active": True}
    assert PROFILE.render(message(data)) == (
        '{"id":"5f1","firstName":"Zoë","active":true}'.encode()
    )


@pytest.mark.parametrize("data", [{}, [], None, "x", 5, {"a": {"b": [None]}}])
def test_it_sends_whatever_was_published(data):
    assert json.loads(PROFILE.render(message(data))) == data


def test_it_signs_nothing_as_documented():
    signing = Signing(event_id=UUID(int=1), timestamp=0, body=b"{}", secrets=["s"])
    assert PROFILE.sign(signing) == {}
    assert PROFILE.new_secret is None
    assert PROFILE.headers(UUID(int=1)) == {}


def test_it_names_events_in_the_vendors_words():
    assert dict(PROFILE.event_names) == {
        "order.created": "NEW_CONSUMER_ORDER",
        "order.updated": "UPDATE_CONSUMER_ORDER",
        "customer.created": "NEW_CONSUMER_SIGNUP",
        "customer.updated": "UPDATE_CONSUMER_USER",
        "member.created": "NEW_MEMBER",
        "member.updated": "UPDATE_MEMBER",
        "transaction.created": "CREATE_TRANSACTION",
        "transaction.updated": "UPDATE_TRANSACTION",
        "transaction.cancelled": "CANCEL_TRANSACTION",
        "transaction.completed": "COMPLETE_TRANSACTION",
        "product.updated": "UPDATE_PRODUCT",
    }
    assert PROFILE.name_of("reward.paid") is None


def test_it_tells_a_registration_without_a_type_everything():
    """[D]"""
    assert PROFILE.matches(None, "NEW_MEMBER")
    assert PROFILE.matches(["NEW_MEMBER"], "NEW_MEMBER")
    assert not PROFILE.matches(["NEW_MEMBER"], "UPDATE_MEMBER")


def test_it_retries_as_the_portal_does_and_waits_a_few_seconds():
    """[D] Its own schedule is not published."""
    assert PROFILE.schedule is STANDARD
    assert PROFILE.timeout == 5
