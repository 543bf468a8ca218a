"""Fan-outs: an event's deliveries, one for each endpoint that it matches.

The deliveries of most events are written with the event. Those of an event with very many
are written by workers, in pieces: see `PendingFanout`. Which subscriptions match is decided
when the event is published, and never again. Their URLs are read with each piece.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import takewhile
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from webhooks.delivery import outbox
from webhooks.delivery.periodic_tasks import PeriodicTask
from webhooks.models import Event, PendingFanout, outages
from webhooks.models.fanouts import PendingFanoutQuerySet, packed

from . import event_deliveries, matching

logger = logging.getLogger(__name__)

PIECE = 200
"""An event with more deliveries is written without them, and so many deliveries of it are
written at once, and those of one subscription more. On SQLite, where all others wait
meanwhile, that takes some 20 ms."""

SEVERAL = 50
"""Fan-outs of a partner that one piece may finish: those of events that had to wait are small."""

PAUSE = 0.05
"""Seconds between two pieces of one worker, in which others write; as long as the piece took
if that is longer. It limits a worker to 4,000 deliveries a second, half of what it can send."""

POLL_INTERVAL = 1.0
"""Seconds between two looks for unfinished fan-outs. A publisher that leaves one wakes the
workers."""

RETRY_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=10)
"""Until the next try when nothing of a piece could be written; it doubles with each."""


def pending(
    event: Event, matched: Iterable[matching.Candidate], *, about: UUID | None
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
            if _write_piece(head):
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


def _write_piece(head: PendingFanout) -> bool:
    """Write the next piece of a partner's fan-outs. False where another worker is at them, or
    where they are not due."""
    try:
        return _write_next(head.event_id, several=True)
    except Exception as error:
        if outages.is_outage(error):
            raise
        logger.exception("A piece with the fan-out of event %s failed.", head.event_id)
    return _write_apart(head.event_id)


def _write_apart(event_id: UUID) -> bool:
    """Write a piece of one fan-out one subscription at a time, so that none but those that
    cannot be written are left. They are tried again after the others."""
    fanout = PendingFanout.objects.filter(event_id=event_id).first()
    failed, tried = "", fanout.first(PIECE) if fanout else []
    count = 0
    for id in tried:
        try:
            if not _write_next(event_id, only=id):
                return True  # another worker goes on with it
        except Exception as error:
            if outages.is_outage(error):
                raise
            logger.exception("Subscription %s of event %s failed.", id, event_id)
            failed, count = f"{type(error).__name__}: {error}", count + 1
            _put_last(event_id, id)
    if failed and count == len(tried):
        _note_failure(event_id, failed)
    return True


def _write_next(
    event_id: UUID, *, several: bool = False, only: UUID | None = None
) -> bool:
    """In one transaction, write the deliveries to the next subscriptions of a fan-out, or to
    `only` if it is the next; with `several`, those of the partner's next ones too, while
    there is room in the piece."""
    with transaction.atomic():
        fanout = _locked(event_id)
        if fanout is None or (only and fanout.first(1) != [only]):
            return False
        fanouts = [fanout, *(_followers(fanout) if several else ())]
        now = timezone.now()
        new: list[outbox.NewDelivery] = []
        finished = []
        for each, piece in _pieces(fanouts, 1 if only else PIECE):
            its = [
                recipient
                for subscription in piece.values()
                if subscription is not None
                for recipient in event_deliveries.recipients(
                    subscription,
                    about=each.about,
                    created_at=each.event.created_at,
                    now=now,
                )
            ]
            new += (
                outbox.NewDelivery(_id(each.event_id, number), each.event_id, to)
                for number, to in enumerate(its, each.written)
            )
            each.take(len(piece))
            each.written += len(its)
            each.failures, each.error, each.due_at = 0, "", None
            if each.remaining:
                each.save()
            else:
                finished.append(each.event_id)
        outbox.write((), new)
        PendingFanout.objects.filter(event_id__in=finished).delete()
    return True


def _pieces(
    fanouts: Sequence[PendingFanout], most: int
) -> Iterator[tuple[PendingFanout, dict[UUID, matching.Candidate | None]]]:
    """The next subscriptions of the first of these fan-outs, as many as one piece has room
    for: at most `most`, and PIECE deliveries."""
    ids: dict[UUID, list[UUID]] = {}
    for fanout in fanouts:
        ids[fanout.event_id] = fanout.first(most)
        most -= len(ids[fanout.event_id])
        if most <= 0:
            break
    found = matching.by_id({id for its in ids.values() for id in its})
    count = 0
    for fanout in fanouts:
        piece: dict[UUID, matching.Candidate | None] = {}
        for id in ids.get(fanout.event_id, ()):
            if count >= PIECE:
                break
            piece[id] = found.get(id)
            if id in found:
                count += found[id].count
        if not piece:
            return
        yield fanout, piece


def _locked(event_id: UUID) -> PendingFanout | None:
    """The fan-out, locked until the transaction ends, if a piece of it may be written."""
    rows = _with_events(PendingFanout.objects.due().filter(event_id=event_id))
    return rows.select_for_update(of=("self",), skip_locked=True).first()


def _followers(fanout: PendingFanout) -> Sequence[PendingFanout]:
    """The partner's next fan-outs, locked. Who has the first has all of them, so none is
    skipped: they are in order."""
    if fanout.is_stuck:
        return ()
    rows = PendingFanout.objects.going_on().filter(
        partner_id=fanout.partner_id, event_id__gt=fanout.event_id
    )
    rows = _with_events(rows).order_by("event_id").select_for_update(of=("self",))
    return [*takewhile(lambda each: each.due_at is None, rows[: SEVERAL - 1])]


def _with_events(rows: PendingFanoutQuerySet) -> PendingFanoutQuerySet:
    return rows.select_related("event").defer(
        "event__data", "event__attributes", "event__type"
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
