"""Publishes events: matches them against subscriptions and queues their deliveries.

One transaction writes an event and a delivery for each endpoint that it matches. For very many
of them it writes the event, and that its fan-out is not finished: see `fanouts`.
Publishing with a key writes no audit entry: the event is its own record. An event that staff
publish has one.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from webhooks.delivery import outbox
from webhooks.models import (
    AuditEntry,
    Delivery,
    Event,
    Partner,
    PendingFanout,
    Subscription,
    bulk,
)

from . import audit, event_deliveries, eventchecks, fanouts, matching
from .eventchecks import InvalidEvent, NewEvent

__all__ = [
    "IdempotencyConflict",
    "InvalidEvent",
    "NewEvent",
    "Published",
    "publish",
    "publish_batch",
    "write",
]

MOST_DELIVERIES = 5_000
"""Deliveries that one request writes itself. Those of its later events are left to workers,
as if each of these events had very many."""

_Key = tuple[UUID, str]


class IdempotencyConflict(Exception):
    """The partner has another event under this idempotency key."""


@dataclass(frozen=True)
class Published:
    """`created` is False where the idempotency key had been used for the same event."""

    event: Event
    created: bool
    unqueued: int = 0
    """The number of matching subscriptions that have no delivery yet: workers write them."""


Outcome = Published | InvalidEvent | IdempotencyConflict


@dataclass(frozen=True)
class Room:
    """What a transaction may hold. Of rows and bytes, it may be those of one event more."""

    deliveries: int = MOST_DELIVERIES
    rows: float = float("inf")
    size: float = float("inf")
    partners: float = float("inf")


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
    written = iter(write(by=by, events=accepted, room=Room(), at=at).outcomes)
    return [refused.get(index) or next(written) for index in range(len(events))]


@dataclass
class _Rows:
    """What a transaction is to write."""

    outcomes: list[Outcome] = field(default_factory=list)
    """Of the first of the events, as many as there was room for."""
    created: list[Event] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    fanouts: list[PendingFanout] = field(default_factory=list)
    size: int = 0

    def has(self, room: Room) -> bool:
        """Whether there is room for another event."""
        rows = len(self.created) + len(self.deliveries) + len(self.fanouts)
        return rows < room.rows and self.size < room.size


def write(
    *,
    by: audit.Actor,
    events: Sequence[NewEvent],
    room: Room,
    at: datetime | None = None,
    lock_timeout: int | None = None,
) -> _Rows:
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
                rows = _rows(_of_few_partners(events, room), room, at or timezone.now())
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


def _rows(events: Sequence[NewEvent], room: Room, now: datetime) -> _Rows:
    rows = _Rows()
    first = _already_published(events)
    subscriptions = matching.subscriptions({new.partner.id for new in events})
    left = set()  # partners of which an event is left to workers
    for new in events:
        if not rows.has(room):
            break
        request = eventchecks.canonical(new)
        fingerprint = hashlib.sha256(request).hexdigest()
        key = new.idempotency_key and (new.partner.id, new.idempotency_key)
        if key and key in first:
            rows.outcomes.append(_repeated(first[key], fingerprint))
            continue
        event, matched = _matched(
            new, fingerprint, subscriptions.get(new.partner.id, ()), now
        )
        its = sum(len(matching.queued_to(s)) or 1 for s in matched)
        # Deliveries in order are not written before those of an earlier event.
        must_wait = any(
            s.is_ordered and (matching.must_wait(s) or new.partner.id in left)
            for s in matched
        )
        if (
            must_wait
            or its > fanouts.PIECE
            or len(rows.deliveries) + its > room.deliveries
        ):
            left.add(new.partner.id)
            rows.fanouts.append(fanouts.pending(event, matched, about=new.about))
            published = Published(event, created=True, unqueued=len(matched))
        else:
            for s in matched:
                rows.deliveries += event_deliveries.deliveries(
                    event, s, about=new.about, now=now
                )
            published = Published(event, created=True)
        if key:
            first[key] = published
        rows.size += len(request)
        rows.created.append(event)
        rows.outcomes.append(published)
    return rows


def _insert(by: audit.Actor, rows: _Rows) -> None:
    # In one order for all: two calls with the same keys in orders of their own would
    # each wait for the other to write the next.
    rows.created.sort(key=lambda event: (event.partner_id, event.idempotency_key or ""))
    bulk.insert(rows.created)
    outbox.enqueue(rows.deliveries)
    if rows.fanouts:
        bulk.insert(rows.fanouts)
        outbox.wake_workers()
    if by.kind == AuditEntry.ActorKind.STAFF:
        _record(by, rows.created)


def _already_published(events: Iterable[NewEvent]) -> dict[_Key, Published]:
    keyed = [new for new in events if new.idempotency_key]
    if not keyed:
        return {}
    found = Event.objects.filter(
        partner_id__in={new.partner.id for new in keyed},
        idempotency_key__in={new.idempotency_key for new in keyed},
    )
    unqueued = {
        fanout.event_id: fanout.remaining
        for fanout in PendingFanout.objects.filter(event__in=list(found))
    }
    return {
        (event.partner_id, event.idempotency_key): Published(
            event, created=False, unqueued=unqueued.get(event.id, 0)
        )
        for event in found
        if event.idempotency_key
    }


def _repeated(before: Published, fingerprint: str) -> Outcome:
    if before.event.fingerprint == fingerprint:
        return replace(before, created=False)
    return IdempotencyConflict(
        f"The idempotency key {before.event.idempotency_key!r} was used for another event."
    )


def _matched(
    new: NewEvent,
    fingerprint: str,
    subscriptions: Sequence[Subscription],
    now: datetime,
) -> tuple[Event, Sequence[Subscription]]:
    """The event, not yet saved, and the subscriptions that it is queued for."""
    misses = [(s, matching.why_not(s, new)) for s in subscriptions]
    matched = [s for s, why in misses if why is None]
    event = Event(
        partner=new.partner,
        type=new.type,
        data=new.data,
        attributes=dict(new.attributes),
        idempotency_key=new.idempotency_key,
        fingerprint=fingerprint,
        occurred_at=new.occurred_at or now,
        created_at=now,
    )
    if not new.partner.is_active:
        event.unmatched_reason = "The partner is inactive."
        return event, ()
    event.matched = len(matched)
    if not matched:
        event.unmatched_reason = matching.in_words([why for _, why in misses if why])
    return event, matched


def _record(by: audit.Actor, created: Sequence[Event]) -> None:
    for event in created:
        audit.record(
            by=by,
            action="event.published",
            target=event,
            after={"type": event.type, "matched": event.matched},
        )
