"""Writes new events with their deliveries."""

from collections.abc import Sequence

from webhooks.models import Event

from .engine import engine
from .new import NewDelivery


def write(events: Sequence[Event], deliveries: Sequence[NewDelivery]) -> None:
    """Write events and deliveries, and have the pending ones claimed. Deliveries that are
    never sent are written here too. In the caller's transaction.

    `due_at` is by this host's clock. It is moved to the database's clock, by which deliveries
    are claimed: a host whose clock is ahead must not delay what it publishes. Raises what
    the database raises.
    """
    if events or deliveries:
        engine().write(events, deliveries)
