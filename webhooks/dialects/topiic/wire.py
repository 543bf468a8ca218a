"""Topiic's wire profile: event names, body, signature, schedule and time-out.

Sources: its guides on webhooks, webhook signatures and webhook retries, read 2026-11-21.
The signature is byte for byte Stripe's, so that Stripe's libraries verify it.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import orjson

from webhooks.delivery import signing
from webhooks.delivery.schedule import HOUR, MINUTE, Schedule
from webhooks.delivery.wire import Message, Signing, WireProfile

SECRET_PREFIX = "tss_"  # noqa: S105 - how a secret begins, not a secret
USER_AGENT = "Topiic-Webhooks/1.0"

# The types its pages name. The list is not complete there, and the seed's sample lists
# one called "example": any other type travels under its canonical name.
EVENT_NAMES = {
    "checkout.completed": "checkout.completed",
    "checkout.failed": "checkout.failed",
    "payment.failed": "payment.failed",
    "payment.succeeded": "payment.succeeded",
    "subscription.cancelled": "subscription.cancelled",
}

SCHEDULE = Schedule(
    waits=(
        0,
        30,
        2 * MINUTE,  # 00:02:30
        10 * MINUTE,  # 00:12:30
        HOUR,  # 01:12:30
        6 * HOUR,  # 07:12:30
        24 * HOUR,  # 31:12:30
        24 * HOUR,  # 55:12:30
    )
)


def new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def timestamp(moment: datetime) -> str:
    """`2026-05-27T10:25:12.123Z`: UTC, always three decimals."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def render(message: Message) -> bytes:
    return orjson.dumps(
        {
            "id": str(message.event_id),
            "type": message.event_name,
            "createdAt": timestamp(message.occurred_at),
            "data": message.data,
        }
    )


def headers(event_id: UUID) -> Mapping[str, str]:
    return {
        "User-Agent": USER_AGENT,
        "Topiic-Event-Id": str(event_id),
        # Documented as the same value, for receivers that look for either.
        "Topiic-Idempotency-Key": str(event_id),
    }


def sign(request: Signing) -> Mapping[str, str]:
    signature = signing.stripe(request.secrets, request.timestamp, request.body)
    return {"Topiic-Signature": signature}


PROFILE = WireProfile(
    name="topiic",
    event_names=EVENT_NAMES,
    passes_unknown=True,
    render=render,
    sign=sign,
    schedule=SCHEDULE,
    timeout=10.0,
    new_secret=new_secret,
    headers=headers,
)
