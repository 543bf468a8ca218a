"""Writes events and deliveries to SQLite. It keeps UUIDs as 32 hex digits, and moments without
their offset."""

from collections.abc import Sequence

from django.db import connection

from webhooks.delivery.outbox import texts
from webhooks.delivery.outbox.new import NewDelivery
from webhooks.models import Event


def write(events: Sequence[Event], deliveries: Sequence[NewDelivery]) -> None:
    """Insert them. In the caller's transaction."""
    moment = connection.ops.adapt_datetimefield_value
    ends = texts.of_recipients(deliveries, moment)
    with connection.cursor() as cursor:
        cursor.executemany(
            texts.INSERT_EVENT, [texts.of_event(event, moment) for event in events]
        )
        cursor.executemany(
            texts.INSERT_DELIVERY,
            [(id.hex, event_id.hex, *ends[to]) for id, event_id, to in deliveries],
        )
