"""The portal's own wire profile: Standard Webhooks 1.0.0.

Receivers verify it with a library of their choice.
"""

import base64
import secrets
from collections.abc import Mapping
from datetime import UTC

import orjson

from . import signing
from .schedule import STANDARD
from .wire import Message, Signing, WireProfile

NAME = "standard"
PREFIX = "whsec_"
SECRET_BYTES = 32
TIMEOUT = 15.0  # seconds; the specification advises 15 to 30


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def takes_secret(secret: str) -> bool:
    """`whsec_` and 24 to 64 bytes of base64, as the specification has it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        return False
    return secret.startswith(PREFIX) and 24 <= len(key) <= 64


def render(message: Message) -> bytes:
    return orjson.dumps(
        {
            "type": message.event_name,
            "timestamp": message.occurred_at.astimezone(UTC),
            "data": message.data,
        },
        option=orjson.OPT_UTC_Z,
    )


def sign(attempt: Signing) -> Mapping[str, str]:
    """The three headers. The id is the event's, so that it is one for all attempts."""
    message_id = str(attempt.event_id)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(attempt.timestamp),
        "webhook-signature": signing.standard(
            attempt.secrets, message_id, attempt.timestamp, attempt.body
        ),
    }


PROFILE = WireProfile(
    name=NAME,
    event_names={},
    passes_unknown=True,
    render=render,
    sign=sign,
    null_is_every=True,
    schedule=STANDARD,
    timeout=TIMEOUT,
    new_secret=new_secret,
    takes_secret=takes_secret,
)
