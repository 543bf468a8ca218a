"""The deliveries of an event to a subscription that it matched."""

from datetime import datetime
from typing import Any
from uuid import UUID

from webhooks.delivery import outbox, wire
from webhooks.models import Delivery, Event, Subscription

from . import matching

NO_URL = "The subscription had no URL when the event happened."
OWN = "It tells of this endpoint itself."
"""Stored with the delivery, and looked for by recoveries: rows keep the words that they were
written with, so these do not change."""


def deliveries(
    event: Event, subscription: Subscription, *, about: UUID | None, now: datetime
) -> list[Delivery]:
    """The deliveries of an event to a subscription that it matched, not yet saved: one for
    each endpoint that takes new events; without one, the record that it was not sent.

    `about` is the endpoint that the event is about, and is not sent.
    """
    fields: dict[str, Any] = {
        "event_id": event.id,
        "partner_id": event.partner_id,
        "subscription": subscription,
        "profile": subscription.profile,
        "created_at": event.created_at,
    }
    receivers = matching.queued_to(subscription)
    if not receivers or subscription.deleted_at is not None:
        return [
            Delivery(
                **fields,
                state=Delivery.State.NOT_SENT,
                settled_at=now,
                reason=_why_not_sent(subscription),
            )
        ]
    profile = wire.profiles().get(subscription.profile)
    first_wait = profile.schedule.wait_after(0) if profile else None
    pending = {
        "state": Delivery.State.PENDING,
        "due_at": now + first_wait if first_wait else now,
    }
    own = {"state": Delivery.State.CANCELLED, "settled_at": now, "reason": OWN}
    return [
        Delivery(
            **fields,
            **(own if endpoint == about else pending),
            endpoint_id=endpoint,
            url=url,
            lane=Delivery.Lane.ORDERED
            if subscription.is_ordered
            else Delivery.Lane.FRESH,
        )
        for endpoint, url in receivers
    ]


def _why_not_sent(subscription: Subscription) -> str:
    if subscription.deleted_at is not None:
        return outbox.DELETED
    return subscription.disabled_reason or NO_URL
