import base64
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook

from webhooks.delivery import standard, wire
from webhooks.delivery.wire import Message, Signing

EVENT = uuid.UUID("01936d6e-7a00-7000-8000-000000000001")


MESSAGE = Message(
    event_id=EVENT,
    event_name="order.created",
    event_type="order.created",
    occurred_at=datetime(2026, 11, 21, 10, 30, 5, 120000, tzinfo=UTC),
    data={"id": "ord_1", "name": "Å"},
    url="https://receiver.example.com/hook",
    subscription_id="1",
)


def test_its_body_is_minified_and_says_when_the_event_happened():
    assert standard.render(MESSAGE).decode() == (
        '{"type":"order.created","timestamp":"2026-11-21T10:30:05.120000Z",'
        '"data":{"id":"ord_1","name":"Å"}}'
    )


def test_its_body_is_the_same_for_every_attempt_wherever_it_is_made():
    there = timezone(timedelta(hours=2))
    moved = replace(MESSAGE, occurred_at=MESSAGE.occurred_at.astimezone(there))

    assert standard.render(moved) == standard.render(MESSAGE)


def test_the_reference_library_verifies_it_with_either_secret_of_a_rotation():
    old, new = standard.new_secret(), standard.new_secret()
    body = standard.render(MESSAGE)
    now = int(datetime.now(UTC).timestamp())

    headers = dict(standard.sign(Signing(EVENT, now, body, [old, new])))

    assert headers["webhook-id"] == str(EVENT)
    assert headers["webhook-timestamp"] == str(now)
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers)["type"] == "order.created"


def test_its_secrets_are_random_and_as_long_as_the_specification_asks():
    secrets = {standard.new_secret() for _ in range(100)}

    assert len(secrets) == 100
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert 24 <= len(base64.b64decode(secret[6:], validate=True)) <= 64


@pytest.mark.parametrize(
    ("events", "wanted"),
    [(None, True), ([], False), (["order.created"], True), (["order"], False)],
)
def test_no_list_stands_for_every_event(events, wanted):
    assert standard.PROFILE.matches(events, "order.created") is wanted


def test_it_carries_any_type_under_its_canonical_name():
    profile = wire.profile("standard")

    assert profile is standard.PROFILE
    assert profile.name_of("anything.at.all") == "anything.at.all"
    assert 15 <= profile.timeout <= 20
