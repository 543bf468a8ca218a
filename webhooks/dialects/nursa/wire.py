"""Nursa's wire profile: event names, body, signature, schedule and time-out.

Sources: the pages on webhook configuration, events and the retry mechanism on
docs.nursa.com, read 2026-11-21. There is no event id in the body or the headers.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from webhooks.delivery import signing
from webhooks.delivery.schedule import MINUTE, Schedule
from webhooks.delivery.wire import Message, Signing, WireProfile
from webhooks.models.keyformat import random_text

ALL = "all"
SECRET_LENGTH = 32

# Canonical type -> the vendor's name, in the order in which its page lists them.
EVENT_NAMES = {
    "facility.user_connection.accepted": "facility.user-connection.accepted",
    "facility.user_connection.rejected": "facility.user-connection.rejected",
    "facility.creation.accepted": "facility.creation.accepted",
    "facility.creation.rejected": "facility.creation.rejected",
}

TYPES = {name: type_ for type_, name in EVENT_NAMES.items()}

SCHEDULE = Schedule(
    # "After at least" so long: no jitter, which would also shorten a wait.
    waits=(
        0,
        5 * MINUTE,  # 00:05
        30 * MINUTE,  # 00:35
        60 * MINUTE,  # 01:35
    )
)

TIMEOUT = 15.0  # [D] the pages name none


def new_secret() -> str:
    return random_text(SECRET_LENGTH)


def envelope(name: str, data: Any) -> dict[str, Any]:
    return {"data": data, "eventType": name}


def render(message: Message) -> bytes:
    return orjson.dumps(envelope(message.event_name, message.data))


def sign(request: Signing) -> Mapping[str, str]:
    """One v1 per live secret, oldest first, each after a comma and a space."""
    signature = signing.stripe(request.secrets, request.timestamp, request.body)
    return {"Nursa-Signature": signature.replace(",", ", ")}


PROFILE = WireProfile(
    name="nursa",
    event_names=EVENT_NAMES,
    render=render,
    sign=sign,
    every_event=ALL,
    schedule=SCHEDULE,
    timeout=TIMEOUT,
    new_secret=new_secret,
    takes_secret=bool,  # any text that is not empty
)
