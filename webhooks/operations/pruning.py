"""Deletes rows whose retention has ended, beside running workers.

A batch is one short transaction. Locked rows are skipped and deleted in the next run. Pruning
writes no audit entries, because nobody asked for it: the settings decide which rows are
deleted, and the log has their number.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from webhooks.delivery.periodic_tasks import PeriodicTask
from webhooks.models import Attempt, Delivery, Event

from . import retention
from .retention import Retention, Rules

logger = logging.getLogger(__name__)

BATCH = 500

Counts = Counter[str]
"""By what the rows are called, such as `events`."""


def walk(
    *, rules: Rules, size: int = BATCH, is_dry_run: bool = False
) -> Iterator[Counts]:
    """Delete what is over by now, `size` events or other rows in each transaction;
    yields after each what was deleted in it. A dry run counts and deletes nothing."""
    kept = Retention(rules=rules, now=timezone.now())
    after: UUID | None = None
    while window := _window(kept, after, size):
        after = window[-1]
        yield (_count_events if is_dry_run else _delete_events)(kept, window)
    for found in (kept.hours(), kept.notices()):
        if is_dry_run:
            yield Counter({_name(found.model): found.count()})
        else:
            yield from _delete(found, size)


def in_words(counts: Counts) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items()) if n)


def _window(kept: Retention, after: UUID | None, size: int) -> list[UUID]:
    """The next events that are old enough. Most are over; those that are not are passed
    by once in a round."""
    old = kept.old()
    if after is not None:
        old = old.filter(id__gt=after)
    return list(old.values_list("id", flat=True)[:size])


def _count_events(kept: Retention, window: list[UUID]) -> Counts:
    over = kept.over().filter(id__in=window)
    gone = set(over.values_list("id", flat=True))
    deliveries = Delivery.objects.filter(event_id__in=gone)
    attempts = Attempt.objects.filter(delivery__in=deliveries)
    return Counter(
        {
            _name(Event): len(gone),
            _name(Delivery): deliveries.count(),
            _name(Attempt): attempts.count(),
        }
    )


def _delete_events(kept: Retention, window: list[UUID]) -> Counts:
    with transaction.atomic():
        over = kept.over().filter(id__in=window)
        events = set(_locked(over))
        # A redelivery locks what it repeats, and only then writes a row of its own: what
        # cannot be locked here, or was written since, keeps its event.
        own = Delivery.objects.filter(event_id__in=events)
        deliveries = _locked(own.filter(kept.ended()))
        events -= set(own.exclude(id__in=deliveries).values_list("event_id", flat=True))
        _, deleted = Event.objects.filter(id__in=events).only("id").delete()
    return _counted(deleted)


def _delete(found: QuerySet[Any], size: int) -> Iterator[Counts]:
    while True:
        with transaction.atomic():
            batch = _locked(found[:size])
            _, deleted = found.model.objects.filter(pk__in=batch).delete()
        yield _counted(deleted)
        if len(batch) < size:
            return


def _locked(rows: QuerySet[Any]) -> list[Any]:
    """The keys of those that nobody else has locked, in the caller's transaction."""
    mine = rows.select_for_update(of=("self",), skip_locked=True)
    return list(mine.values_list("pk", flat=True))


def _counted(deleted: Mapping[str, int]) -> Counts:
    return Counter(
        {_name(apps.get_model(label)): number for label, number in deleted.items()}
    )


def _name(model: Any) -> str:
    return str(model._meta.verbose_name_plural)


class _HourlyWalk:
    """A walk an hour, at most, a batch at each call: what a worker does meanwhile goes
    first, and SQLite has one writer."""

    EVERY = 3600.0  # seconds

    def __init__(self) -> None:
        self._walk: Iterator[None] | None = None
        self._next = 0.0

    def __call__(self) -> bool:
        """False, whatever is left: no worker that is to end when it is idle waits."""
        if self._walk is None:
            if monotonic() < self._next:
                return False
            self._next = monotonic() + self.EVERY
        # Taken away while it runs, so that one that fails is not gone on with.
        walk, self._walk = self._walk or _logged_walk(), None
        for _ in walk:
            self._walk = walk
            break
        return False


def _logged_walk() -> Iterator[None]:
    total: Counts = Counter()
    for counts in walk(rules=retention.rules(), size=BATCH):
        total.update(counts)
        yield
    if total:
        logger.info("Pruned %s.", in_words(total))


PERIODIC_TASK = PeriodicTask(name="prune", every=1.0, run=_HourlyWalk())
