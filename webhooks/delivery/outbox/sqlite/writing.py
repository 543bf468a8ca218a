"""Writes events and deliveries to SQLite. It keeps UUIDs as 32 hex digits and moments as text."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from webhooks.delivery.outbox.new import NewDelivery, Recipient
from webhooks.models import Event

_EVENT = """INSERT INTO webhooks_event (
    id, partner_id, type, data, attributes, idempotency_key, fingerprint, occurred_at,
    created_at, matched, unmatched_reason
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""

_DELIVERY = """INSERT INTO webhooks_delivery (
    id, event_id, partner_id, subscription_id, endpoint_id, url, profile, state, lane,
    created_at, due_at, settled_at, last_outcome, reason
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '', %s)"""


def insert(events: Sequence[Event], deliveries: Sequence[NewDelivery]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(_EVENT, [_event(event) for event in events])
        cursor.executemany(_DELIVERY, list(_deliveries(deliveries)))


def _event(event: Event) -> tuple[Any, ...]:
    return (
        event.id.hex,
        event.partner_id.hex,
        event.type,
        orjson.dumps(event.data).decode(),
        orjson.dumps(event.attributes).decode(),
        event.idempotency_key,
        event.fingerprint,
        _moment(event.occurred_at),
        _moment(event.created_at),
        event.matched,
        event.unmatched_reason,
    )


def _deliveries(deliveries: Iterable[NewDelivery]) -> Iterator[tuple[Any, ...]]:
    ends: dict[Recipient, tuple[Any, ...]] = {}
    for id, event_id, to in deliveries:
        end = ends.get(to)
        if end is None:
            end = ends[to] = _recipient(to)
        yield (id.hex, event_id.hex, *end)


def _recipient(to: Recipient) -> tuple[Any, ...]:
    return (
        to.partner_id.hex,
        to.subscription_id.hex,
        None if to.endpoint_id is None else to.endpoint_id.hex,
        to.url,
        to.profile,
        to.state,
        to.lane,
        _moment(to.created_at),
        _moment(to.due_at),
        _moment(to.settled_at),
        to.reason,
    )


def _moment(value: datetime | None) -> str | None:
    return connection.ops.adapt_datetimefield_value(value)
