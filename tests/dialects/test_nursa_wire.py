"""What Nursa's subscribers receive."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import documented
from webhooks.delivery.wire import Message, Signing
from webhooks.dialects.nursa import wire

EVENT_ID = UUID("0193a5c0-0000-7000-8000-000000000001")
PROFILE = wire.PROFILE
BODY = b'{"data":{"facilityId":"NUR-123456"},"eventType":"facility.creation.accepted"}'
SECRETS = ["sDV1aKqitCLClI12m7UPFbAAvZfZquJw", "mryefgHPBVHJwux0o3BYW7hPM0BZlcCa"]


def message(event_type: str, data) -> Message:
    return Message(
        event_id=EVENT_ID,
        event_name=PROFILE.name_of(event_type) or event_type,
        event_type=event_type,
        occurred_at=datetime(2026, 11, 21, tzinfo=UTC),
        data=data,
        url="https://receiver.example.com/hook",
        subscription_id=str(EVENT_ID),
    )


def signature(timestamp: int, secrets) -> str:
    signing = Signing(
        event_id=EVENT_ID, timestamp=timestamp, body=BODY, secrets=secrets
    )
    headers = PROFILE.sign(signing)
    assert list(headers) == ["Nursa-Signature"]
    return headers["Nursa-Signature"]


@pytest.mark.parametrize(
    ("event_type", "data", "body"),
    [
        ("facility.creation.accepted", {"facilityId": "NUR-123456"}, BODY),
        (
            "facility.creation.rejected",
            {"facilityName": "Åsgård"},
            '{"data":{"facilityName":"Åsgård"},'
            '"eventType":"facility.creation.rejected"}'.encode(),
        ),
        (
            "facility.user_connection.accepted",
            {"facilityId": "NUR-1", "userId": "u"},
            (
                b'{"data":{"facilityId":"NUR-1","userId":"u"},'
                b'"eventType":"facility.user-connection.accepted"}'
            ),
        ),
        (
            "facility.user_connection.rejected",
            {},
            b'{"data":{},"eventType":"facility.user-connection.rejected"}',
        ),
    ],
)
def test_it_sends_the_data_and_the_vendor_s_name_of_the_event(event_type, data, body):
    assert PROFILE.render(message(event_type, data)) == body


@given(st.none() | st.lists(st.text()) | st.dictionaries(st.text(), st.floats()))
def test_it_renders_any_data(data):
    body = PROFILE.render(message("facility.creation.accepted", data))
    assert list(json.loads(body)) == ["data", "eventType"]


def test_it_signs_once_for_each_secret_as_documented():
    assert signature(1763690400, SECRETS) == (
        "t=1763690400, "
        "v1=fdf2c1ab5ef671becc9319be49796430da7139eb739497d2e9a91c9c6d922a5f, "
        "v1=67b736144d42d732f110f1426f7280d79302ee3c328fefa2ead16c182cb7741a"
    )


@pytest.mark.parametrize("secret", SECRETS)
def test_it_is_verified_by_a_library_of_the_same_scheme(secret):
    header = signature(int(time.time()), SECRETS)
    # That library does not take the space that the vendor documents.
    compact = header.replace(", ", ",")
    assert stripe.WebhookSignature.verify_header(BODY.decode(), compact, secret, 300)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(BODY.decode(), compact, "other", 300)


@pytest.mark.parametrize("secret", SECRETS)
def test_it_is_verified_by_the_recipe_on_its_page(secret):
    is_genuine = documented.recipe("nursa.md")["is_genuine"]
    now = int(time.time())
    assert is_genuine(BODY, signature(now, SECRETS), secret)
    assert not is_genuine(BODY, signature(now, SECRETS), "another")
    assert not is_genuine(BODY + b" ", signature(now, SECRETS), secret)
    assert not is_genuine(BODY, signature(now - 600, SECRETS), secret)


def test_it_does_not_look_signed_without_a_secret():
    assert signature(1, []) == "t=1"


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        (["all"], True),
        (["all", "facility.creation.rejected"], True),
        (["facility.creation.accepted"], True),
        (["facility.creation.rejected"], False),
        ([], False),
        (None, False),
    ],
)
def test_it_tells_of_what_is_listed_and_of_everything_for_all(events, wanted):
    assert PROFILE.matches(events, "facility.creation.accepted") is wanted


def test_it_cannot_express_what_the_vendor_has_no_event_for():
    assert PROFILE.name_of("customer.created") is None
    assert PROFILE.name_of("all") is None


def test_it_tries_again_after_5_30_and_60_minutes_and_never_earlier():
    for failed, minutes in ((1, 5), (2, 30), (3, 60)):
        waits = {PROFILE.schedule.wait_after(failed) for _ in range(20)}
        assert waits == {timedelta(minutes=minutes)}
    assert PROFILE.schedule.wait_after(4) is None


def test_it_generates_secrets_in_the_form_of_the_sample():
    assert PROFILE.new_secret is not None
    first, second = PROFILE.new_secret(), PROFILE.new_secret()
    assert first != second
    assert re.fullmatch(r"[A-Za-z0-9]{32}", first)
