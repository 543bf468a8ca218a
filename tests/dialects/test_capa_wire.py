"""What Capa's subscribers receive."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import documented
from webhooks.delivery.wire import Message, Signing
from webhooks.dialects.capa import wire

EVENT_ID = UUID("0193a5c0-0000-7000-8000-000000000001")
PROFILE = wire.PROFILE

storable = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


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


def test_it_sends_a_kyc_event_flat():
    body = PROFILE.render(message("kyc.verified", {"externalUserId": "user-1"}))
    assert body == b'{"type":"KYC","event":"VERIFIED_USER","externalUserId":"user-1"}'


def test_it_sends_a_transaction_with_its_fields_in_order_and_amounts_as_strings():
    data = {
        "exchangeRate": 17.25,
        "cryptoAmount": "57.97",
        "fiatAmount": 1000,
        "fiatCurrency": "MXN",
        "cryptoCurrency": "USDC",
        "blockchain": "POL",
        "lastName": "Lovelace",
        "firstName": "Ada",
        "transactionId": "t-1",
        "externalUserId": "user-1",
    }
    assert PROFILE.render(message("on_ramp.completed", data)) == (
        b'{"type":"TRANSACTION","event":"COMPLETED_ON_RAMP","externalUserId":"user-1",'
        b'"transactionId":"t-1","firstName":"Ada","lastName":"Lovelace",'
        b'"blockchain":"POL","cryptoCurrency":"USDC","fiatCurrency":"MXN",'
        b'"fiatAmount":"1000","cryptoAmount":"57.97","exchangeRate":"17.25"}'
    )


def test_it_sends_what_no_page_lists_last_and_never_over_its_own_fields():
    data = {"note": "n", "event": "FORGED", "type": "FORGED", "transactionId": "t-1"}
    assert json.loads(PROFILE.render(message("off_ramp.created", data))) == {
        "type": "TRANSACTION",
        "event": "CREATED_OFF_RAMP",
        "externalUserId": None,
        "transactionId": "t-1",
        "note": "n",
    }


def test_it_turns_numbers_into_strings_and_nothing_else():
    data = {"fiatAmount": None, "cryptoAmount": True, "exchangeRate": False}
    body = json.loads(PROFILE.render(message("on_ramp.created", data)))
    assert {name: body[name] for name in data} == data


@given(storable)
def test_it_renders_any_data(data):
    assert json.loads(PROFILE.render(message("kyc.created", data)))["type"] == "KYC"


@given(
    st.dictionaries(st.sampled_from([*wire.FIELDS, "externalUserId", "type"]), storable)
)
def test_it_renders_any_value_in_any_field(data):
    body = json.loads(PROFILE.render(message("cross_ramp.created", data)))
    assert body["type"] == "TRANSACTION"
    assert body["event"] == "CREATED_CROSS_RAMP"


@pytest.mark.parametrize(
    ("event_type", "name", "group"),
    [
        ("kyc.created", "CREATED_KYC", "KYC"),
        ("kyc.verified", "VERIFIED_USER", "KYC"),
        ("kyc.rejected", "REJECTED_KYC", "KYC"),
        ("kyc.review_needed", "REVIEW_NEEDED_KYC", "KYC"),
        ("on_ramp.created", "CREATED_ON_RAMP", "TRANSACTION"),
        ("on_ramp.fiat_received", "FIAT_RECEIVED_ON_RAMP", "TRANSACTION"),
        ("on_ramp.completed", "COMPLETED_ON_RAMP", "TRANSACTION"),
        ("on_ramp.cancelled", "CANCELLED_ON_RAMP", "TRANSACTION"),
        ("off_ramp.created", "CREATED_OFF_RAMP", "TRANSACTION"),
        ("off_ramp.crypto_received", "CRYPTO_RECEIVED_OFF_RAMP", "TRANSACTION"),
        ("off_ramp.completed", "COMPLETED_OFF_RAMP", "TRANSACTION"),
        ("cross_ramp.created", "CREATED_CROSS_RAMP", "TRANSACTION"),
    ],
)
def test_it_knows_the_documented_events(event_type, name, group):
    assert PROFILE.name_of(event_type) == name
    assert json.loads(PROFILE.render(message(event_type, {})))["type"] == group


def test_it_cannot_express_what_the_vendor_has_no_event_for():
    assert PROFILE.name_of("customer.created") is None


def test_it_sends_every_event():
    assert PROFILE.matches(None, "VERIFIED_USER")


def test_it_signs_the_raw_body_in_lower_case_hex():
    body = b'{"type":"KYC","event":"VERIFIED_USER","externalUserId":"user-1"}'
    signing = Signing(
        event_id=EVENT_ID, timestamp=1763690400, body=body, secrets=["a-secret"]
    )
    expected = hmac.new(b"a-secret", body, hashlib.sha256).hexdigest()
    assert PROFILE.sign(signing) == {"capa-signature": expected}


def test_it_is_verified_by_the_recipe_on_its_page():
    is_genuine = documented.recipe("capa.md")["is_genuine"]
    signing = Signing(event_id=EVENT_ID, timestamp=1, body=b"{}", secrets=["secret"])
    header = PROFILE.sign(signing)["capa-signature"]
    assert is_genuine(b"{}", header, "secret")
    assert not is_genuine(b"{ }", header, "secret")
    assert not is_genuine(b"{}", header, "another")


def test_it_signs_with_the_older_secret_while_one_replaces_the_other():
    signing = Signing(
        event_id=EVENT_ID, timestamp=1, body=b"{}", secrets=["older", "newer"]
    )
    expected = hmac.new(b"older", b"{}", hashlib.sha256).hexdigest()
    assert PROFILE.sign(signing) == {"capa-signature": expected}


def test_it_does_not_look_signed_without_a_secret():
    signing = Signing(event_id=EVENT_ID, timestamp=1, body=b"{}", secrets=[])
    assert PROFILE.sign(signing) == {}


def test_it_tries_again_at_once_and_after_1_5_10_and_15_minutes():
    waits = [PROFILE.schedule.wait_after(failed) for failed in range(1, 7)]
    assert waits == [
        timedelta(0),
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=10),
        timedelta(minutes=15),
        None,
    ]
