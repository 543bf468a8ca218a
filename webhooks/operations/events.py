"""Publishes events: matches them against subscriptions and queues their deliveries.

One transaction writes an event and a delivery for each endpoint that it matches. For very many
of them it writes the event, and that its fan-out is not finished: see `fanouts`.
Publishing with a key writes no audit entry: the event is its own record. An event that staff
publish has one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from webhooks.delivery import outbox
from webhooks.models import AuditEntry, Event, Partner, bulk

from . import audit, event_rows, eventchecks
from .event_rows import (
    MOST_DELIVERIES,
    IdempotencyConflict,
    Outcome,
    Published,
    Room,
    Rows,
)
from .eventchecks import InvalidEvent, NewEvent

__all__ = [
    "IdempotencyConflict",
    "InvalidEvent",
    "NewEvent",
    "Outcome",
    "Published",
    "Room",
    "publish",
    "publish_batch",
    "write",
]


def publish(
    *,
    by: audit.Actor,
    partner: Partner,
    type: str,
    data: Any,
    occurred_at: datetime | None = None,
    attributes: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> Published:
    """Publish one event; raises InvalidEvent and IdempotencyConflict.

    `attributes` narrow its audience: with a `shop_id`, subscriptions that are bound to
    another shop do not match.
    """
    new = NewEvent(
        partner=partner,
        type=type,
        data=data,
        occurred_at=occurred_at,
        attributes={} if attributes is None else attributes,
        idempotency_key=idempotency_key,
    )
    (outcome,) = publish_batch(by=by, events=[new])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def publish_batch(
    *, by: audit.Actor, events: Sequence[NewEvent], at: datetime | None = None
) -> list[Outcome]:
    """Publish many events, of any partners, in one transaction; an outcome for each.

    What is refused does not hold back the rest. A repeat of an idempotency key within
    the batch is a repeat like any other. A settlement gives the time `at` which the
    database saw it: its events are due by that clock.
    """
    refused = eventchecks.check(events)
    accepted = [new for index, new in enumerate(events) if index not in refused]
    written = iter(
        write(by=by, events=accepted, room=Room(MOST_DELIVERIES), at=at).outcomes
    )
    return [refused.get(index) or next(written) for index in range(len(events))]


def write(
    *,
    by: audit.Actor,
    events: Sequence[NewEvent],
    room: Room,
    at: datetime | None = None,
    lock_timeout: int | None = None,
) -> Rows:
    """Publish the first of these events in one transaction, as many as there is room for.
    They were checked. Raises what the database raises.

    On PostgreSQL it waits for a lock for `lock_timeout` milliseconds at most.
    """
    while True:
        try:
            with transaction.atomic():
                if lock_timeout is not None and connection.vendor == "postgresql":
                    with connection.cursor() as cursor:
                        cursor.execute(f"SET LOCAL lock_timeout = {lock_timeout:d}")
                rows = event_rows.collect(
                    _of_few_partners(events, room), room, at or timezone.now()
                )
                _insert(by, rows)
                return rows
        except IntegrityError as error:
            # Another call used one of the keys first: now it is there to be found. The
            # error names the columns on SQLite and the constraint on PostgreSQL.
            if "idempotency_key" not in str(error):
                raise


def _of_few_partners(events: Sequence[NewEvent], room: Room) -> Sequence[NewEvent]:
    partners = set()
    for index, new in enumerate(events):
        partners.add(new.partner.id)
        if len(partners) > room.partners:
            return events[:index]
    return events


def _insert(by: audit.Actor, rows: Rows) -> None:
    # In one order for all: two calls with the same keys in orders of their own would
    # each wait for the other to write the next.
    if any(event.idempotency_key for event in rows.created):
        rows.created.sort(
            key=lambda event: (event.partner_id.bytes, event.idempotency_key or "")
        )
    outbox.write(rows.created, rows.deliveries)
    if rows.fanouts:
        bulk.insert(rows.fanouts)
        outbox.wake_workers()
    if by.kind == AuditEntry.ActorKind.STAFF:
        _record(by, rows.created)


def _record(by: audit.Actor, created: Sequence[Event]) -> None:
    for event in created:
        audit.record(
            by=by,
            action="event.published",
            target=event,
            after={"type": event.type, "matched": event.matched},
        )
