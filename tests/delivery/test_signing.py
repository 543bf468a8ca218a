import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from webhooks.delivery import signing

# From the specification's reference libraries: Python, Go and JavaScript; then Rust.
VECTORS = [
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1649367553,
        b'{"email":"test@example.com","username":"test_user"}',
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
]
SECRET = VECTORS[0][0]


@pytest.mark.parametrize(("secret", "id", "timestamp", "body", "signature"), VECTORS)
def test_it_makes_the_signatures_of_the_reference_libraries(
    secret, id, timestamp, body, signature
):
    assert signing.standard([secret], id, timestamp, body) == signature


def test_it_signs_with_every_secret_in_one_header():
    (a, id, timestamp, body, first), (b, *_) = VECTORS
    second = signing.standard([b], id, timestamp, body)

    assert signing.standard([a, b], id, timestamp, body) == f"{first} {second}"


def test_it_takes_a_secret_without_its_padding_or_prefix():
    padded = "whsec_" + base64.b64encode(b"0" * 25).decode()

    signatures = {
        signing.standard([secret], "m", 1, b"{}")
        for secret in (padded, padded.rstrip("="), padded.removeprefix("whsec_"))
    }

    assert padded.endswith("==")
    assert len(signatures) == 1


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "whsec_ü", "whsec_a"])
def test_it_refuses_a_secret_that_is_no_key(secret):
    with pytest.raises(signing.UnusableSecret):
        signing.standard([secret], "m", 1, b"{}")


def test_it_refuses_to_look_signed_without_a_secret():
    with pytest.raises(signing.UnusableSecret):
        signing.standard([], "m", 1, b"{}")
    with pytest.raises(signing.UnusableSecret):
        signing.hmac_hex("", b"{}")


def test_it_signs_a_timestamp_and_a_body_in_hex():
    # Nursa's documented scheme, computed independently.
    body = (
        b'{"data":{"facilityId":"NUR-123456"},"eventType":"facility.creation.accepted"}'
    )

    assert (
        signing.timestamped_hex("sDV1aKqitCLClI12m7UPFbAAvZfZquJw", 1763690400, body)
        == "fdf2c1ab5ef671becc9319be49796430da7139eb739497d2e9a91c9c6d922a5f"
    )


def _signed(body: bytes, *, at: datetime, secret: str = SECRET) -> dict[str, str]:
    timestamp = int(at.timestamp())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signing.standard([secret], "msg_1", timestamp, body),
    }


@given(
    body=st.dictionaries(st.text(), st.integers() | st.text() | st.none()),
    key=st.binary(min_size=24, max_size=64),
)
def test_the_reference_library_verifies_it(body, key):
    secret = "whsec_" + base64.b64encode(key).decode()
    text = json.dumps(body).encode()

    headers = _signed(text, at=datetime.now(UTC), secret=secret)

    assert Webhook(secret).verify(text, headers) == body


def test_a_receiver_finds_its_signature_among_others():
    body = b'{"test":1}'
    headers = _signed(body, at=datetime.now(UTC))
    right = headers["webhook-signature"]
    headers["webhook-signature"] = f"v1,{'A' * 43}= v2,{right[3:]} {right}"

    assert Webhook(SECRET).verify(body, headers) == {"test": 1}


def _with_another_end(signature):
    """One in sixteen ends with A by itself."""
    return signature[:-2] + ("E=" if signature.endswith("A=") else "A=")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda headers: headers.pop("webhook-id"),
        lambda headers: headers.pop("webhook-timestamp"),
        lambda headers: headers.pop("webhook-signature"),
        lambda headers: headers.update({"webhook-timestamp": "hello"}),
        lambda headers: headers.update({"webhook-signature": "v1,"}),
        lambda headers: headers.update(
            {"webhook-signature": headers["webhook-signature"][:11]}
        ),
        lambda headers: headers.update(
            {"webhook-signature": _with_another_end(headers["webhook-signature"])}
        ),
        lambda headers: headers.update({"webhook-id": "msg_2"}),
        lambda headers: headers.update(
            _signed(b"{}", at=datetime.now(UTC) - timedelta(minutes=5, seconds=1))
        ),
        lambda headers: headers.update(
            _signed(b"{}", at=datetime.now(UTC) + timedelta(minutes=5, seconds=1))
        ),
        lambda headers: headers.update(_signed(b"[]", at=datetime.now(UTC))),
    ],
)
def test_a_receiver_refuses_what_was_not_signed_like_this(spoil, one_moment):
    headers = _signed(b"{}", at=datetime.now(UTC))
    Webhook(SECRET).verify(b"{}", dict(headers))

    spoil(headers)

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b"{}", headers)
