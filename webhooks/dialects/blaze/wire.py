"""BLAZE's wire profile: event names, body, signature, schedule and time-out.

Its overview of webhooks (getting-started/webhooks-overview, read 2026-11-21) promises a
POST of JSON that must be answered within a few seconds and may come twice. It names no
signature, no retries and no envelope: the body is the affected entity alone [D], and a
receiver tells events apart by registering a URL for each.
"""

import orjson

from webhooks.delivery.schedule import STANDARD
from webhooks.delivery.wire import Message, WireProfile

# Its enum, all of it: what is not here cannot be expressed.
EVENT_NAMES = {
    "order.created": "NEW_CONSUMER_ORDER",
    "customer.created": "NEW_CONSUMER_SIGNUP",
    "order.updated": "UPDATE_CONSUMER_ORDER",
    "customer.updated": "UPDATE_CONSUMER_USER",
    "member.created": "NEW_MEMBER",
    "member.updated": "UPDATE_MEMBER",
    "transaction.created": "CREATE_TRANSACTION",
    "transaction.updated": "UPDATE_TRANSACTION",
    "transaction.cancelled": "CANCEL_TRANSACTION",
    "transaction.completed": "COMPLETE_TRANSACTION",
    "product.updated": "UPDATE_PRODUCT",
}

TIMEOUT = 5.0  # [D] "within a few seconds"


def render(message: Message) -> bytes:
    return orjson.dumps(message.data)


PROFILE = WireProfile(
    name="blaze",
    event_names=EVENT_NAMES,
    render=render,
    null_is_every=True,  # [D] registered without a type: every type
    schedule=STANDARD,  # [D] its own is not published
    timeout=TIMEOUT,
)
