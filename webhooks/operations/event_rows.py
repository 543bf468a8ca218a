"""What a transaction writes of new events: the rows of as many as there is room for, and an
outcome for each."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection

from webhooks.delivery import outbox
from webhooks.delivery.outbox import texts
from webhooks.models import Event, PendingFanout, prepared
from webhooks.models.columns import Columns
from webhooks.models.fanouts import ID_SIZE
from webhooks.models.ids import time_ordered

from . import event_deliveries, eventchecks, fanouts
from .eventchecks import InvalidEvent, NewEvent
from .matching import Audience, Audiences

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

    deliveries: int
    rows: float = float("inf")
    size: float = float("inf")
    partners: float = float("inf")


@dataclass
class Rows:
    """What a transaction is to write."""

    room: Room
    now: datetime
    outcomes: list[Outcome] = field(default_factory=list)
    """Of the first of the events, as many as there was room for."""
    created: list[Event] = field(default_factory=list)
    deliveries: list[outbox.NewDelivery] = field(default_factory=list)
    fanouts: list[PendingFanout] = field(default_factory=list)
    size: int = 0
    _recipients: dict[Audience, list[outbox.Recipient]] = field(default_factory=dict)
    _left: set[UUID] = field(default_factory=set)
    """Partners of which an event is left to workers."""

    @property
    def has_room(self) -> bool:
        """Whether there is room for another event."""
        rows = len(self.created) + len(self.deliveries) + len(self.fanouts)
        return rows < self.room.rows and self.size < self.room.size

    def add(self, new: NewEvent, event: Event, audience: Audience) -> Published:
        """Those of one event more."""
        # Deliveries in order are not written before those of an earlier event.
        must_wait = audience.must_wait or (
            audience.is_ordered and event.partner_id in self._left
        )
        if (
            must_wait
            or audience.count > fanouts.PIECE
            or len(self.deliveries) + audience.count > self.room.deliveries
        ):
            self._left.add(event.partner_id)
            matched = audience.matched
            self.fanouts.append(fanouts.pending(event, matched, about=new.about))
            published = Published(event, created=True, unqueued=len(matched))
        else:
            for to in self._recipients_of(audience, new.about):
                self.deliveries.append(outbox.NewDelivery(time_ordered(), event.id, to))
            published = Published(event, created=True)
        self.created.append(event)
        return published

    def _recipients_of(
        self, audience: Audience, about: UUID | None
    ) -> Sequence[outbox.Recipient]:
        found = None if about else self._recipients.get(audience)
        if found is None:
            found = [
                to
                for candidate in audience.matched
                for to in event_deliveries.recipients(
                    candidate, about=about, created_at=self.now, now=self.now
                )
            ]
            if not about:
                self._recipients[audience] = found
        return found


def collect(events: Sequence[NewEvent], room: Room, now: datetime) -> Rows:
    """The rows of the first of these events. They were checked."""
    rows = Rows(room, now)
    first = _already_published(events)
    audiences = Audiences({new.partner.id for new in events})
    for new in events:
        if not rows.has_room:
            break
        request = eventchecks.canonical(new)
        fingerprint = hashlib.sha256(request).hexdigest()
        key = new.idempotency_key and (new.partner.id, new.idempotency_key)
        if key and key in first:
            rows.outcomes.append(_repeated(first[key], fingerprint))
            continue
        audience = audiences.of(new)
        published = rows.add(new, _event(new, fingerprint, audience, now), audience)
        if key:
            first[key] = published
        rows.size += len(request)
        rows.outcomes.append(published)
    return rows


_EVENT = Columns(Event, "e")
_PUBLISHED = {
    vendor: f"""
        SELECT {_EVENT.sql}, COALESCE(length(f.subscriptions), 0) / {ID_SIZE}
        FROM webhooks_event AS e
        LEFT JOIN webhooks_pendingfanout AS f ON f.event_id = e.id
        WHERE e.partner_id {among} AND e.idempotency_key {among}
          AND e.idempotency_key IS NOT NULL
    """  # noqa: S608 - names of columns
    for vendor, among in prepared.AMONG.items()
}


def _already_published(events: Iterable[NewEvent]) -> dict[_Key, Published]:
    keyed = [new for new in events if new.idempotency_key]
    if not keyed:
        return {}
    with prepared.cursor() as cursor:
        cursor.execute(
            _PUBLISHED[connection.vendor],
            [
                prepared.among({new.partner.id for new in keyed}),
                prepared.among({new.idempotency_key or "" for new in keyed}),
            ],
        )
        rows = cursor.fetchall()
    found = {}
    for *columns, unqueued in rows:
        event = _EVENT.instance(columns)
        found[event.partner_id, event.idempotency_key or ""] = Published(
            event, created=False, unqueued=unqueued
        )
    return found


def _repeated(before: Published, fingerprint: str) -> Outcome:
    if before.event.fingerprint == fingerprint:
        return replace(before, created=False)
    return IdempotencyConflict(
        f"The idempotency key {before.event.idempotency_key!r} was used for another event."
    )


_PARTNER = Event._meta.get_field("partner")


def _event(new: NewEvent, fingerprint: str, audience: Audience, now: datetime) -> Event:
    """The event, as it will be stored."""
    # As from a row that is there: by keywords it takes three times as long.
    event = Event.from_db(
        DEFAULT_DB_ALIAS,
        texts.EVENT,
        (
            time_ordered(),
            new.partner.id,
            new.type,
            new.data,
            dict(new.attributes),
            new.idempotency_key,
            fingerprint,
            new.occurred_at or now,
            now,
            len(audience.matched),
            audience.unmatched_reason,
        ),
    )
    _PARTNER.set_cached_value(event, new.partner)
    return event
