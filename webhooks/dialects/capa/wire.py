"""Capa's wire profile: event names, body, signature, schedule and time-out.

Sources: how-our-webhooks-work, kyc-events, transaction-events and the step-by-step
process for the HMAC on docs.capa.fi, read 2026-11-21. The secret is the partner's alone
and is handed over by staff: no documented call shows it.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from webhooks.delivery import signing
from webhooks.delivery.schedule import MINUTE, Schedule
from webhooks.delivery.wire import Message, Signing, WireProfile

KYC, TRANSACTION = "KYC", "TRANSACTION"

# Canonical type -> the payload's `event` and the `type` that groups it.
EVENTS = {
    "kyc.created": ("CREATED_KYC", KYC),
    "kyc.verified": ("VERIFIED_USER", KYC),
    "kyc.rejected": ("REJECTED_KYC", KYC),
    "kyc.review_needed": ("REVIEW_NEEDED_KYC", KYC),
    "on_ramp.created": ("CREATED_ON_RAMP", TRANSACTION),
    "on_ramp.fiat_received": ("FIAT_RECEIVED_ON_RAMP", TRANSACTION),
    "on_ramp.completed": ("COMPLETED_ON_RAMP", TRANSACTION),
    "on_ramp.cancelled": ("CANCELLED_ON_RAMP", TRANSACTION),
    "off_ramp.created": ("CREATED_OFF_RAMP", TRANSACTION),
    # Called RECEIVED_USER_CRYPTO on an older page.
    "off_ramp.crypto_received": ("CRYPTO_RECEIVED_OFF_RAMP", TRANSACTION),
    "off_ramp.completed": ("COMPLETED_OFF_RAMP", TRANSACTION),
    "cross_ramp.created": ("CREATED_CROSS_RAMP", TRANSACTION),
}
_TYPES = dict(EVENTS.values())

# The payload's fields after `externalUserId`, in the order of the pages; each appears
# only with the events that have it.
FIELDS = (
    "transactionId",
    "firstName",
    "lastName",
    "blockchain",
    "cryptoCurrency",
    "fiatCurrency",
    "fiatAmount",
    "cryptoAmount",
    "exchangeRate",
)
# Strings in every sample, so that no receiver reads money as binary fractions.
AMOUNTS = frozenset({"fiatAmount", "cryptoAmount", "exchangeRate"})

# "Up to 5 retries": the first follows at once.
SCHEDULE = Schedule(
    waits=(
        0,
        0,
        MINUTE,  # 00:01
        5 * MINUTE,  # 00:06
        10 * MINUTE,  # 00:16
        15 * MINUTE,  # 00:31
    )
)

TIMEOUT = 15.0  # [D] the pages name none


def new_secret() -> str:
    return secrets.token_hex(32)


def render(message: Message) -> bytes:
    """A flat object. Fields that no page lists follow the documented ones."""
    data = message.data if isinstance(message.data, dict) else {}
    name = message.event_name
    payload = {
        "type": _TYPES.get(name, TRANSACTION),
        "event": name,
        "externalUserId": data.get("externalUserId"),
    }
    for field in (*(field for field in FIELDS if field in data), *data):
        payload.setdefault(field, _value(field, data[field]))
    return orjson.dumps(payload)


def _value(field: str, value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return orjson.dumps(value).decode() if field in AMOUNTS and is_number else value


def sign(request: Signing) -> Mapping[str, str]:
    """One signature: there is room for no second.

    While a secret is being replaced the older one signs until it expires, so that the
    receiver knows the newer one before it is needed.
    """
    if not request.secrets:
        return {}
    return {"capa-signature": signing.hmac_hex(request.secrets[0], request.body)}


PROFILE = WireProfile(
    name="capa",
    event_names={type_: name for type_, (name, _) in EVENTS.items()},
    render=render,
    sign=sign,
    null_is_every=True,  # settings name no events: a URL receives all
    schedule=SCHEDULE,
    timeout=TIMEOUT,
    new_secret=new_secret,
)
