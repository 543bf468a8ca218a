"""Partnero's wire profile: event names, body, signature, schedule and time-out.

Sources: guides/webhooks/outgoing-webhooks and api-reference/webhooks/overview on
docs.partnero.com, and the vendor's own n8n node, read 2026-11-21. The number of retries
is not published.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from webhooks.delivery import signing
from webhooks.delivery.schedule import STANDARD
from webhooks.delivery.wire import Message, Signing, WireProfile
from webhooks.models.keyformat import random_text

SIGNATURE_LENGTH = 16

# The page that the dialect follows lists the first eight; each later one is named by at
# least one of the vendor's other pages or clients. [D] All of them are accepted.
EVENTS = (
    "partner.created",
    "partner.updated",
    "partner.deleted",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "transaction.created",
    "transaction.deleted",
    # docs.partnero.com
    "partner.approved",
    "partner.rejected",
    "partner.archived",
    # the n8n node
    "customer.credited",
    "customer.rewarded",
    "lead.submitted",
    "lead.converted",
    "lead.rejected",
    "subscriber.created",
    "subscriber.updated",
    "subscriber.deleted",
    "subscriber.rewarded",
    # the guide
    "transaction.updated",
    "reward.created",
    "reward.approved",
    "reward.paid",
)

TIMEOUT = 5.0  # documented


def new_secret() -> str:
    return random_text(SIGNATURE_LENGTH)


def timestamp(moment: datetime) -> str:
    """`2026-09-30T10:00:00.000000Z`: UTC, always six decimals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def render(message: Message) -> bytes:
    return orjson.dumps(
        {
            "event": message.event_name,
            "url": message.url,
            "webhook_key": message.subscription_id,
            "created_at": timestamp(message.occurred_at),
            "data": message.data,
        }
    )


def sign(request: Signing) -> Mapping[str, str]:
    """One signature, by the secret that the API shows: there is room for no second.

    While a secret is being replaced that is the older one, until it expires.
    """
    if not request.secrets:
        return {}
    signature = signing.hmac_hex(request.secrets[0], request.body)
    # The second is what an older copy of the page called it.
    return {"Signature": signature, "X-Partnero-Signature": signature}


PROFILE = WireProfile(
    name="partnero",
    event_names={name: name for name in EVENTS},
    render=render,
    sign=sign,
    schedule=STANDARD,  # [D] "exponential backoff", no more is said
    timeout=TIMEOUT,
    new_secret=new_secret,
)
