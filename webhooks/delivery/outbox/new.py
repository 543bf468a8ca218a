"""Deliveries of new events, not yet written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from webhooks.models import Delivery


@dataclass(frozen=True, slots=True, eq=False)
class Recipient:
    """Whom deliveries are for, and whatever else the deliveries of several events to the same
    endpoint have in common. As a row has it: see Delivery."""

    partner_id: UUID
    subscription_id: UUID
    profile: str
    created_at: datetime
    state: str
    endpoint_id: UUID | None = None
    url: str = ""
    lane: int = Delivery.Lane.FRESH
    due_at: datetime | None = None
    """By this host's clock, if it is pending."""
    settled_at: datetime | None = None
    reason: str = ""


class NewDelivery(NamedTuple):
    """A row that is to be written; of a model's instance only the making takes as long as
    all else that is done to it."""

    id: UUID
    event_id: UUID
    to: Recipient


def pending(deliveries: Iterable[NewDelivery]) -> set[UUID]:
    """The endpoints of those that are to be sent."""
    found = {delivery.to for delivery in deliveries}
    return {
        to.endpoint_id
        for to in found
        if to.endpoint_id is not None and to.state == Delivery.State.PENDING
    }


def due_earlier(deliveries: Sequence[NewDelivery], by: timedelta) -> list[NewDelivery]:
    """The same, for a clock that is behind this host's."""
    moved = {
        to: replace(to, due_at=to.due_at - by) if to.due_at else to
        for to in {delivery.to for delivery in deliveries}
    }
    return [delivery._replace(to=moved[delivery.to]) for delivery in deliveries]
