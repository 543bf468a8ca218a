"""Publishes events: matches them against subscriptions and queues their deliveries.

One transaction writes an event and a delivery for each endpoint that it matches.
Publishing with a key writes no audit entry: the event is its own record. An event that staff
publish has one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from webhooks.delivery import outbox, wire
from webhooks.models import (
    AuditEntry,
    Delivery,
    Event,
    Partner,
    Subscription,
    bulk,
)

from . import audit, eventchecks, matching
from .eventchecks import InvalidEvent, NewEvent

__all__ = [
    "IdempotencyConflict",
    "InvalidEvent",
    "NewEvent",
    "Published",
    "publish",
    "publish_batch",
]

NO_URL = "The subscription had no URL when the event happened."

_Key = tuple[UUID, str]


class IdempotencyConflict(Exception):
    """The partner has another event under this idempotency key."""


@dataclass(frozen=True)
class Published:
    """`created` is False where the idempotency key had been used for the same event."""

    event: Event
    created: bool


Outcome = Published | InvalidEvent | IdempotencyConflict


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
    while True:
        try:
            with transaction.atomic():
                return _publish(by, events, refused, at or timezone.now())
        except IntegrityError as error:
            # Another call used one of the keys first: now it is there to be found. The
            # error names the columns on SQLite and the constraint on PostgreSQL.
            if "idempotency_key" not in str(error):
                raise


def _publish(
    by: audit.Actor,
    events: Sequence[NewEvent],
    refused: Mapping[int, InvalidEvent],
    now: datetime,
) -> list[Outcome]:
    accepted = [new for index, new in enumerate(events) if index not in refused]
    first = _already_published(accepted)
    subscriptions = matching.subscriptions({new.partner.id for new in accepted})
    outcomes: list[Outcome] = []
    created: list[Event] = []
    deliveries: list[Delivery] = []
    for index, new in enumerate(events):
        if index in refused:
            outcomes.append(refused[index])
            continue
        fingerprint = eventchecks.fingerprint(new)
        key = new.idempotency_key and (new.partner.id, new.idempotency_key)
        if key and key in first:
            outcomes.append(_repeated(first[key], fingerprint))
            continue
        event, its_deliveries = _queued(
            new, fingerprint, subscriptions.get(new.partner.id, ()), now
        )
        if key:
            first[key] = event
        created.append(event)
        deliveries += its_deliveries
        outcomes.append(Published(event, created=True))
    # In one order for all: two calls with the same keys in orders of their own would
    # each wait for the other to write the next.
    created.sort(key=lambda event: (event.partner_id, event.idempotency_key or ""))
    bulk.insert(created)
    outbox.enqueue(deliveries)
    if by.kind == AuditEntry.ActorKind.STAFF:
        _record(by, created)
    return outcomes


def _already_published(events: Iterable[NewEvent]) -> dict[_Key, Event]:
    keyed = [new for new in events if new.idempotency_key]
    if not keyed:
        return {}
    found = Event.objects.filter(
        partner_id__in={new.partner.id for new in keyed},
        idempotency_key__in={new.idempotency_key for new in keyed},
    )
    return {(e.partner_id, e.idempotency_key): e for e in found if e.idempotency_key}


def _repeated(event: Event, fingerprint: str) -> Outcome:
    if event.fingerprint == fingerprint:
        return Published(event, created=False)
    return IdempotencyConflict(
        f"The idempotency key {event.idempotency_key!r} was used for another event."
    )


def _queued(
    new: NewEvent,
    fingerprint: str,
    subscriptions: Sequence[Subscription],
    now: datetime,
) -> tuple[Event, list[Delivery]]:
    """The event and its deliveries, not yet saved."""
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
        return event, []
    event.matched = len(matched)
    if not matched:
        event.unmatched_reason = matching.in_words([why for _, why in misses if why])
    return event, [d for s in matched for d in _deliveries(event, s, now)]


def _deliveries(
    event: Event, subscription: Subscription, now: datetime
) -> list[Delivery]:
    fields: dict[str, Any] = {
        "event": event,
        "partner": event.partner,
        "subscription": subscription,
        "profile": subscription.profile,
        "created_at": now,
    }
    receivers = matching.queued_to(subscription)
    if not receivers:
        return [
            Delivery(
                **fields,
                state=Delivery.State.NOT_SENT,
                settled_at=now,
                reason=NO_URL,
            )
        ]
    first_wait = wire.profile(subscription.profile).schedule.wait_after(0)
    return [
        Delivery(
            **fields,
            endpoint_id=endpoint,
            url=url,
            state=Delivery.State.PENDING,
            lane=Delivery.Lane.ORDERED
            if subscription.is_ordered
            else Delivery.Lane.FRESH,
            due_at=now + first_wait if first_wait else now,
        )
        for endpoint, url in receivers
    ]


def _record(by: audit.Actor, created: Sequence[Event]) -> None:
    for event in created:
        audit.record(
            by=by,
            action="event.published",
            target=event,
            after={"type": event.type, "matched": event.matched},
        )
