"""What a Partnero subscriber receives."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from webhooks.delivery.schedule import STANDARD
from webhooks.delivery.wire import Message, Signing
from webhooks.dialects.partnero.wire import EVENTS, PROFILE

SECRET = "Ewi7TWkdARdV41GI"
BODY = (
    b'{"event":"partner.created","url":"https://r.test/h","webhook_key":"6HCtIMKX8han",'
    b'"created_at":"2026-11-21T02:00:00.000000Z","data":{}}'
)
SIGNATURE = "b9ca4c7f91a45ad61eea56dfdc1492f791983f4c558e5039dfadb59437eb126c"


def message(**fields) -> Message:
    defaults = {
        "event_id": UUID(int=1),
        "event_name": "partner.created",
        "event_type": "partner.created",
        "occurred_at": datetime(2026, 11, 21, 2, 0, tzinfo=UTC),
        "data": {},
        "url": "https://r.test/h",
        "subscription_id": "6HCtIMKX8han",
    }
    return Message(**{**defaults, **fields})


def sign(body, *secrets):
    signing = Signing(event_id=UUID(int=1), timestamp=0, body=body, secrets=secrets)
    return PROFILE.sign(signing)


def test_it_sends_the_documented_envelope():
    assert PROFILE.render(message()) == BODY


def test_it_writes_time_in_utc_with_six_decimals():
    moment = datetime(2026, 9, 30, 12, 0, 0, 7, tzinfo=timezone(timedelta(hours=2)))
    body = json.loads(PROFILE.render(message(occurred_at=moment)))
    assert body["created_at"] == "2026-09-30T10:00:00.000007Z"


@pytest.mark.parametrize("data", [{"b": 1, "a": "Zoë"}, [], None, "x", 5])
def test_it_carries_whatever_was_published(data):
    assert json.loads(PROFILE.render(message(data=data)))["data"] == data


def test_it_signs_the_published_vector_under_both_names():
    assert sign(BODY, SECRET) == {
        "Signature": SIGNATURE,
        "X-Partnero-Signature": SIGNATURE,
    }


def test_it_signs_the_raw_bytes_as_a_receiver_verifies_them():
    body = PROFILE.render(message(data={"name": "Zoë"}))
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert sign(body, SECRET)["Signature"] == expected


def test_it_signs_with_the_older_secret_until_it_expires():
    """[D] There is room for one signature, and the API shows the secret of it."""
    assert sign(BODY, SECRET, "x" * 16) == sign(BODY, SECRET)


def test_it_sends_no_signature_without_a_secret():
    assert sign(BODY) == {}


def test_it_makes_secrets_of_the_samples_form():
    assert PROFILE.new_secret is not None
    made = {PROFILE.new_secret() for _ in range(20)}
    assert len(made) == 20
    assert all(re.fullmatch("[A-Za-z0-9]{16}", secret) for secret in made)


def test_it_names_every_event_as_the_portal_does():
    assert len(EVENTS) == len(set(EVENTS)) == 24
    assert all(PROFILE.name_of(name) == name for name in EVENTS)
    assert PROFILE.name_of("order_placed") is None


def test_it_wants_what_is_listed():
    assert PROFILE.matches(["lead.submitted"], "lead.submitted")
    assert not PROFILE.matches(["lead.submitted"], "lead.rejected")
    assert not PROFILE.matches(None, "lead.rejected")


def test_it_gives_a_receiver_five_seconds():
    assert PROFILE.timeout == 5
    assert PROFILE.schedule is STANDARD
