"""Whom an event is delivered to, of a subscription that it matched."""

from datetime import datetime
from uuid import UUID

from webhooks.delivery import outbox, wire
from webhooks.models import Delivery

from . import matching

NO_URL = "The subscription had no URL when the event happened."
OWN = "It tells of this endpoint itself."
"""Stored with the delivery, and looked for by recoveries: rows keep the words that they were
written with, so these do not change."""


def recipients(
    subscription: matching.Candidate,
    *,
    about: UUID | None,
    created_at: datetime,
    now: datetime,
) -> list[outbox.Recipient]:
    """The recipients of an event that was created at that time: one for each endpoint that
    takes new events; without one, the record that it was not sent.

    `about` is the endpoint that the event is about, and is not sent.
    """
    if not subscription.receivers or subscription.deleted_at is not None:
        return [
            outbox.Recipient(
                partner_id=subscription.partner_id,
                subscription_id=subscription.id,
                profile=subscription.profile,
                created_at=created_at,
                state=Delivery.State.NOT_SENT.value,
                settled_at=now,
                reason=_why_not_sent(subscription),
            )
        ]
    profile = wire.profiles().get(subscription.profile)
    first_wait = profile.schedule.wait_after(0) if profile else None
    due_at = now + first_wait if first_wait else now
    lane = Delivery.Lane.ORDERED if subscription.is_ordered else Delivery.Lane.FRESH
    found = []
    for endpoint, url in subscription.receivers:
        is_own = endpoint == about
        state = Delivery.State.CANCELLED if is_own else Delivery.State.PENDING
        found.append(
            outbox.Recipient(
                partner_id=subscription.partner_id,
                subscription_id=subscription.id,
                profile=subscription.profile,
                created_at=created_at,
                state=state.value,
                endpoint_id=endpoint,
                url=url,
                lane=lane,
                due_at=None if is_own else due_at,
                settled_at=now if is_own else None,
                reason=OWN if is_own else "",
            )
        )
    return found


def _why_not_sent(subscription: matching.Candidate) -> str:
    if subscription.deleted_at is not None:
        return outbox.DELETED
    return subscription.disabled_reason or NO_URL
