"""Bulk replays: previewed, started, watched, cancelled.

Starting one writes down what is to be replayed; workers queue it piece by piece, each in
a transaction of its own, so that a replay of millions never delays what is new.
Nothing that matches is left out for being too much.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import Error, transaction
from django.db.models import Count, Q
from django.utils import timezone

from webhooks.delivery import outbox
from webhooks.delivery.periodic_tasks import PeriodicTask
from webhooks.models import Delivery, Event, Partner, Recovery

from . import access, audit, deliveries, limits, recovery_selection
from .recovery_selection import Filter, InvalidFilter, Outcome, Selection, first_failure

__all__ = ["Filter", "InvalidFilter", "Outcome", "Progress", "first_failure"]

logger = logging.getLogger(__name__)

MAX_WAITING = 200
"""So many deliveries of one recovery wait for their first attempt, and those of one event
more. What waits for a breaker or for a retry is not counted: it keeps nobody waiting."""

MAX_PENDING = 10_000  # deliveries of one recovery in the queue, whatever they wait for
_WINDOW = 500  # events looked at in one piece
_CANCELLED = "The recovery was cancelled."
# Longer than a delivery may be on its way when its recovery is cancelled.
_SWEPT_FOR = timedelta(minutes=15)


class Finished(Exception):
    """The recovery has ended, and nothing of it waits any more."""


@dataclass(frozen=True)
class Progress:
    """The states of the deliveries that a recovery has queued so far."""

    pending: int = 0
    delivered: int = 0
    exhausted: int = 0
    cancelled: int = 0


def preview(*, partner: Partner, filter: Filter) -> recovery_selection.Counts:
    """The number of rows of each outcome that would be replayed; nothing is queued.

    Raises InvalidFilter and deliveries.NotReceiving.
    """
    return recovery_selection.select(partner, filter, at=timezone.now()).counts()


def start(
    *,
    by: audit.Actor,
    partner: Partner,
    filter: Filter,
    rerender: bool = False,
) -> Recovery:
    """Begin to replay what has ended by now; what ends later is not part of it.

    A missed event goes to each URL of the subscription, so there may be more deliveries
    than `total`; there may be, too, where not all was counted. Raises InvalidFilter, deliveries.NotReceiving and limits.LimitReached.
    """
    _check_shops(by, filter)
    limits.look(partner, {limits.RECOVERIES: 1})  # before its rows are counted
    now = timezone.now()
    selection = recovery_selection.select(partner, filter, at=now)
    counts = selection.counts()
    recovery = Recovery(
        partner=partner,
        filter=recovery_selection.written(filter, selection.until, counts),
        is_rerendered=rerender,
        state=Recovery.State.RUNNING,
        total=counts.total,
        actor=by.label[:200],
        created_at=now,
        started_at=now,
    )
    with transaction.atomic():
        recovery.save(force_insert=True)
        _record(by, "recovery.started", recovery)
        limits.hold(partner, limits.RECOVERIES)
    return recovery


def _check_shops(by: audit.Actor, filter: Filter) -> None:
    """Who is bound to shops replays one subscription of these. Raises InvalidFilter."""
    subscription = filter.subscription
    if by.shops and subscription is None:
        raise InvalidFilter(
            "subscription", "Is needed by a key that is bound to shops."
        )
    if by.shops and subscription and subscription.shop_id not in by.shops:
        raise InvalidFilter("subscription", "Is none of the key's shops.")


def cancel(*, by: audit.Actor, recovery: Recovery) -> Recovery:
    """Queue no more of it and end what waits; what is being sent is not called back.

    One that was cancelled before stays as it was. Raises Finished and
    access.NotFound.
    """
    with transaction.atomic():
        locked = access.locked(Recovery.objects.all(), recovery.id, by=by)
        if locked.state == Recovery.State.CANCELLED:
            return locked
        now = timezone.now()
        ended = _cancel_pending(locked, now)
        if locked.state == Recovery.State.DONE and not ended:
            raise Finished(locked.id)
        locked.state, locked.finished_at = Recovery.State.CANCELLED, now
        locked.save(update_fields=["state", "finished_at"])
        _record(by, "recovery.cancelled", locked)
    return locked


def progress(recoveries: Collection[Recovery]) -> dict[UUID, Progress]:
    """By the recovery's id; one statement."""
    counts: dict[UUID, dict[str, int]] = {recovery.id: {} for recovery in recoveries}
    rows = Delivery.objects.filter(recovery__in=recoveries).values_list(
        "recovery_id", "state"
    )
    for id, state, number in rows.annotate(Count("id")).order_by():
        counts[id][state] = number
    return {id: Progress(**states) for id, states in counts.items()}


def advance() -> bool:
    """Queue the next piece of every running recovery; whether there is more to do now.

    Any number of workers may call it at once: each recovery is one worker's meanwhile.
    """
    running = Recovery.objects.filter(state=Recovery.State.RUNNING)
    ids = list(running.order_by("id").values_list("id", flat=True))
    has_more = [_advance_alone(id) for id in ids]
    now = timezone.now()
    for recovery in Recovery.objects.filter(
        state=Recovery.State.CANCELLED, finished_at__gt=now - _SWEPT_FOR
    ):
        # What was being sent when it was cancelled, and has failed since.
        _cancel_pending(recovery, now)
    return any(has_more)


def _advance_alone(id: UUID) -> bool:
    """One that fails holds up none of the others. It stays running, and is tried again."""
    try:
        return _advance(id)
    except Error:
        raise  # the database is away from all of them
    except Exception:
        logger.exception("Recovery %s cannot go on.", id)
        return False


def _advance(id: UUID) -> bool:
    with transaction.atomic():
        recovery = (
            Recovery.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("partner")
            .filter(id=id, state=Recovery.State.RUNNING)
            .first()
        )
        now = timezone.now()
        if recovery is None or (room := _room(recovery, now)) <= 0:
            return False
        filter = recovery_selection.read(recovery)
        try:
            selection = recovery_selection.select(
                recovery.partner, filter, at=recovery.started_at or now
            )
        except deliveries.NotReceiving:
            subscription = filter.subscription
            if subscription is None or subscription.deleted_at is None:
                return False  # it waits until it is enabled, or cancelled
            return _finish(recovery, now)
        return _take(recovery, selection, room, now)


def _take(recovery: Recovery, selection: Selection, room: int, now: datetime) -> bool:
    """Queue the next events' deliveries until there are `room` of them."""
    behind = selection.events()
    if recovery.cursor is not None:
        behind = behind.filter(id__gt=recovery.cursor)
    # Locked, so that none is pruned before its new deliveries are written.
    window = list(
        behind.select_for_update(of=("self",), no_key=True).values_list(
            "id", flat=True
        )[:_WINDOW]
    )
    awaited = selection.still_to_be_queued(window)
    originals: dict[UUID, list[Delivery]] = {}
    for original in (
        selection.deliveries()
        .filter(event_id__in=window)
        .select_related("event", "endpoint")
        .order_by("id")
    ):
        originals.setdefault(original.event_id, []).append(original)
    missed = {
        event.id: event
        for event in selection.missed().filter(id__in=window).exclude(id__in=awaited)
    }
    queued: list[Delivery] = []
    is_through = len(window) < _WINDOW
    for event_id in window:
        if len(queued) >= room:
            is_through = False
            break
        for original in originals.get(event_id, ()):
            queued += _repeats(original, selection, recovery, now)
            recovery.done += 1
        if (event := missed.get(event_id)) and selection.matches(event):
            queued += _first(event, selection, recovery, now)
            recovery.done += 1
        recovery.cursor = event_id
    outbox.enqueue(queued)
    # More than were counted, where not all were, or the subscription matches more events by now.
    recovery.total = max(recovery.total, recovery.done)
    recovery.save(update_fields=["cursor", "done", "total"])
    return _finish(recovery, now) if is_through else len(queued) < room


def _repeats(
    original: Delivery, selection: Selection, recovery: Recovery, now: datetime
) -> Sequence[Delivery]:
    subscription = selection.receiving[original.subscription_id]
    return deliveries.queued(
        original.event,
        subscription,
        deliveries.targets(original, deliveries.receivers(subscription)),
        now=now,
        repeats=original,
        rerender=recovery.is_rerendered,
        recovery=recovery,
    )


def _first(
    event: Event, selection: Selection, recovery: Recovery, now: datetime
) -> Sequence[Delivery]:
    (subscription,) = selection.receiving.values()
    return deliveries.queued(
        event,
        subscription,
        deliveries.receivers(subscription),
        now=now,
        recovery=recovery,
    )


def _room(recovery: Recovery, now: datetime) -> int:
    pending = Delivery.objects.pending().filter(recovery=recovery)
    left = MAX_PENDING - pending[:MAX_PENDING].count()
    if left <= 0:
        return 0
    waiting = pending.filter(attempts=0).exclude(endpoint__open_until__gt=now)
    return min(left, MAX_WAITING - waiting.count())


def _finish(recovery: Recovery, now: datetime) -> bool:
    recovery.state, recovery.finished_at = Recovery.State.DONE, now
    recovery.save(update_fields=["state", "finished_at"])
    return False


def _cancel_pending(recovery: Recovery, now: datetime) -> int:
    return outbox.cancel(Q(recovery=recovery), reason=_CANCELLED, now=now)


def _record(by: audit.Actor, action: str, recovery: Recovery) -> None:
    audit.record(
        by=by,
        action=action,
        target=recovery,
        after={
            **recovery.filter,
            "rerendered": recovery.is_rerendered,
            "total": recovery.total,
            "done": recovery.done,
        },
    )


PERIODIC_TASK = PeriodicTask(name="recoveries", every=0.5, run=advance)
