"""Fan-outs: an event's deliveries, one for each endpoint that it matches.

The deliveries of most events are written with the event. Those of an event with very many
are written by workers, in pieces: see `PendingFanout`. Which subscriptions match is decided
when the event is published, and never again. Their URLs are read with each piece.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from webhooks.delivery import outbox, wire
from webhooks.delivery.periodic_tasks import PeriodicTask
from webhooks.models import Delivery, Event, PendingFanout, Subscription, outages
from webhooks.models.fanouts import packed

from . import matching

logger = logging.getLogger(__name__)

PIECE = 200
"""An event with more deliveries is written without them, and so many deliveries of it are
written at once, and those of one subscription more. On SQLite, where all others wait
meanwhile, that takes some 20 ms."""

PAUSE = 0.05
"""Seconds between two pieces of one worker, in which others write; as long as the piece took
if that is longer. It limits a worker to 4,000 deliveries a second, more than it sends."""

POLL_INTERVAL = 1.0
"""Seconds between two looks for unfinished fan-outs. A publisher that leaves one wakes the
workers."""

RETRY_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=10)
"""Until the next try when nothing of a piece could be written; it doubles with each."""

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


def pending(
    event: Event, matched: Iterable[Subscription], *, about: UUID | None
) -> PendingFanout:
    """The fan-out of an event of which nothing is written yet, not yet saved."""
    return PendingFanout(
        event=event,
        partner_id=event.partner_id,
        subscriptions=packed(subscription.id for subscription in matched),
        about=about,
    )


class _Turns:
    """Partners take turns, so that what one has does not delay the others. The events of a
    partner go in their order, one worker at a time: so deliveries in order are in order."""

    def __init__(self) -> None:
        self._last: UUID | None = None

    def __call__(self) -> bool:
        """Write one piece; returns whether there may be more to write now.

        Any number of workers may do so at once, and each piece is one transaction. Raises
        the error of a database that is away.
        """
        for head in _heads(self._last):
            if _write_piece(head.event_id):
                self._last = head.partner_id
                return True
        return False


def _heads(last: UUID | None) -> Iterator[PendingFanout]:
    """The next fan-out of each partner, beginning after the partner `last`."""
    after = last
    while head := _head(after):
        yield head
        after = head.partner_id
    after = None
    while last and (head := _head(after)) and head.partner_id <= last:
        yield head
        after = head.partner_id


def _head(after: UUID | None) -> PendingFanout | None:
    rows = PendingFanout.objects.going_on() | PendingFanout.objects.stuck().due()
    if after is not None:
        rows = rows.filter(partner_id__gt=after)
    return rows.order_by("partner_id", "event_id").only("partner_id").first()


def _write_piece(event_id: UUID) -> bool:
    """Write the next piece of a fan-out. False where another worker has it, or where it is
    not due."""
    piece: list[UUID] = []
    try:
        return _write_next(event_id, piece)
    except Exception as error:
        if outages.is_outage(error):
            raise
        logger.exception("A piece of the fan-out of event %s failed.", event_id)
        failed = error
    _write_apart(event_id, piece, failed)
    return True


def _write_apart(event_id: UUID, piece: Sequence[UUID], error: Exception) -> None:
    """Write the piece that failed one subscription at a time, so that none but those that
    cannot be written are left. They are tried again after the others."""
    failed = 0
    for id in piece:
        try:
            if not _write_next(event_id, [id]):
                return  # another worker goes on with it
        except Exception as its_error:
            if outages.is_outage(its_error):
                raise
            logger.exception("Subscription %s of it failed.", id)
            error, failed = its_error, failed + 1
            _put_last(event_id, id)
    if failed == len(piece):
        _note_failure(event_id, f"{type(error).__name__}: {error}")


def _write_next(event_id: UUID, piece: list[UUID]) -> bool:
    """In one transaction, write the deliveries to the next subscriptions of a fan-out: to
    those in `piece`, which are noted there when it is empty."""
    with transaction.atomic():
        fanout = _locked(event_id)
        if fanout is None or (piece and fanout.first(1) != piece):
            return False
        now = timezone.now()
        found = matching.by_id(piece or fanout.first(PIECE))
        piece[:] = piece or _of_few_deliveries(fanout.first(PIECE), found)
        new = [
            delivery
            for id in piece
            if id in found
            for delivery in deliveries(
                fanout.event, found[id], about=fanout.about, now=now
            )
        ]
        for number, delivery in enumerate(new, fanout.written):
            delivery.id = _id(event_id, number)
        outbox.enqueue(new)
        fanout.take(len(piece))
        fanout.written += len(new)
        fanout.failures, fanout.error, fanout.due_at = 0, "", None
        if fanout.remaining:
            fanout.save()
        else:
            fanout.delete()
    return True


def _of_few_deliveries(
    ids: Sequence[UUID], found: Mapping[UUID, Subscription]
) -> Sequence[UUID]:
    """The first of these subscriptions, as many as one piece may have."""
    count = 0
    for index, id in enumerate(ids):
        if count >= PIECE:
            return ids[:index]
        count += len(matching.queued_to(found[id])) if id in found else 0
    return ids


def _locked(event_id: UUID) -> PendingFanout | None:
    """The fan-out, locked until the transaction ends, if a piece of it may be written."""
    rows = PendingFanout.objects.due().filter(event_id=event_id)
    rows = rows.select_for_update(of=("self",), skip_locked=True)
    return (
        rows.select_related("event")
        .defer("event__data", "event__attributes", "event__type")
        .first()
    )


def _id(event_id: UUID, number: int) -> UUID:
    """The id of a delivery that is written after its event.

    It has the event's time and count, so it sorts where it would have been sorted: before
    the deliveries of later events. And no delivery of a piece can be written twice.
    """
    return UUID(int=event_id.int >> 32 << 32 | number)


def _put_last(event_id: UUID, id: UUID) -> None:
    with transaction.atomic():
        fanout = _locked(event_id)
        if fanout is not None and fanout.first(1) == [id]:
            fanout.take(1, and_put_last=[id])
            fanout.save(update_fields=["subscriptions"])


def _note_failure(event_id: UUID, error: str) -> None:
    with transaction.atomic():
        fanout = _locked(event_id)
        if fanout is None:
            return
        fanout.failures += 1
        pause = min(RETRY_PAUSE * 2 ** (fanout.failures - 1), LONGEST_PAUSE)
        PendingFanout.objects.filter(event_id=event_id).update(
            # The error may quote a row, and no database stores U+0000 in text.
            error=error.replace("\0", "\N{REPLACEMENT CHARACTER}")[:300],
            failures=fanout.failures,
            due_at=Now() + (LONGEST_PAUSE if fanout.is_stuck else pause),
        )


advance = _Turns()
PERIODIC_TASK = PeriodicTask(
    "fan out", POLL_INTERVAL, advance, pause=PAUSE, is_woken=True
)
