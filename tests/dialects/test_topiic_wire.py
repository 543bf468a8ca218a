"""What Topiic's subscribers receive: bytes, headers, signature, schedule."""

import re
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import orjson
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from webhooks.delivery.wire import Message, Signing
from webhooks.dialects.topiic.wire import PROFILE, new_secret

ID = UUID("0197f0a5-7e8b-7c3d-9d1f-3b2a1c0d9e8f")


def message(data=None, **changes):
    values = {
        "event_id": ID,
        "event_name": "checkout.completed",
        "event_type": "checkout.completed",
        "occurred_at": datetime(2026, 5, 27, 10, 25, 12, 123456, tzinfo=UTC),
        "data": {"orderId": 7} if data is None else data,
        "url": "https://receiver.example.com/hook",
        "subscription_id": "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0",
        **changes,
    }
    return Message(**values)


def test_it_renders_the_documented_body():
    assert PROFILE.render(message()) == (
        b'{"id":"0197f0a5-7e8b-7c3d-9d1f-3b2a1c0d9e8f","type":"checkout.completed",'
        b'"createdAt":"2026-05-27T10:25:12.123Z","data":{"orderId":7}}'
    )


def test_it_writes_times_in_utc_with_three_decimals():
    zone = timezone(timedelta(hours=10))
    body = PROFILE.render(message(occurred_at=datetime(2026, 1, 1, 5, tzinfo=zone)))
    assert orjson.loads(body)["createdAt"] == "2025-12-31T19:00:00.000Z"


@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_it_renders_any_data(data):
    assert orjson.loads(PROFILE.render(message(data)))["data"] == (
        {"orderId": 7} if data is None else data
    )


def test_it_sends_the_documented_headers_with_every_attempt():
    assert PROFILE.headers(ID) == {
        "User-Agent": "Topiic-Webhooks/1.0",
        "Topiic-Event-Id": str(ID),
        "Topiic-Idempotency-Key": str(ID),
    }


def test_it_signs_so_that_stripes_verifier_accepts_it():
    now = int(datetime.now(UTC).timestamp())
    body = PROFILE.render(message())
    secrets = [new_secret(), new_secret()]
    signing = Signing(event_id=ID, timestamp=now, body=body, secrets=secrets)
    header = PROFILE.sign(signing)["Topiic-Signature"]
    assert re.fullmatch(rf"t={now},v1=[0-9a-f]{{64}},v1=[0-9a-f]{{64}}", header)
    for secret in secrets:
        assert stripe.WebhookSignature.verify_header(
            body.decode(), header, secret, tolerance=300
        )
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(
            body.decode() + " ", header, secrets[0], tolerance=300
        )


def test_it_signs_with_the_characters_of_the_secret():
    """`printf '1763690400.{}' | openssl dgst -sha256 -hmac tss_example`"""
    signing = Signing(ID, 1763690400, b"{}", ["tss_example"])
    assert PROFILE.sign(signing) == {
        "Topiic-Signature": "t=1763690400,v1=e235ceaff482b4ec5412f8de2a4e66441580dfcd3c7ef20ae2463204ef83d452"
    }


def test_it_makes_secrets_of_32_random_bytes():
    made = {new_secret() for _ in range(20)}
    assert len(made) == 20
    assert all(re.fullmatch(r"tss_[A-Za-z0-9_-]{43}", secret) for secret in made)


def test_it_tries_eight_times_over_the_documented_waits():
    assert PROFILE.schedule.waits == (0, 30, 120, 600, 3600, 21600, 86400, 86400)
    assert PROFILE.schedule.wait_after(7) == timedelta(hours=24)
    assert PROFILE.schedule.wait_after(8) is None
    assert PROFILE.timeout == 10


def test_it_carries_types_that_its_pages_do_not_name_D():
    assert PROFILE.name_of("payment.failed") == "payment.failed"
    assert PROFILE.name_of("customer.created") == "customer.created"
    assert PROFILE.matches(["example"], "example")
    assert not PROFILE.matches(None, "payment.failed")
    assert not PROFILE.matches([], "payment.failed")
