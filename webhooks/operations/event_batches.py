"""Publishes a batch of events, in which partners do not pay for one another.

It is written in transactions of bounded size, in which partners take turns. Where one fails,
its events are tried apart: those of each partner, and of one partner in halves, until those
that cannot be stored are alone. The time of a batch is limited.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID, uuid4

from django.db import Error, connection

from webhooks.models import outages

from . import audit, event_rows, eventchecks, events
from .events import NewEvent, Room

logger = logging.getLogger(__name__)

SECONDS = 10.0
"""Within which a batch begins its last transaction. Most clients wait for 30 seconds."""

LOCK_TIMEOUT = 1000
"""Milliseconds for which a transaction waits for a lock, on PostgreSQL. On SQLite all writers
wait for one lock, as long as the settings say."""

MOST_ROWS = 2_000
"""Of one transaction: nobody is to wait for long for what it has locked, which on SQLite is
everything."""

MOST_BYTES = 2 * 1024 * 1024
MOST_PARTNERS = 100


class NotStored(Exception):
    """The time of the batch was over, or the database did not take the event now. It may be
    published again."""


class Failed(Exception):
    """The portal failed over this event; `occurrence` is in the log beside the error."""

    def __init__(self) -> None:
        self.occurrence = uuid4().urn
        super().__init__(self.occurrence)


Outcome = events.Outcome | NotStored | Failed


@dataclass(frozen=True)
class _Item:
    index: int
    event: NewEvent


def publish(*, by: audit.Actor, events: Sequence[NewEvent]) -> list[Outcome]:
    """Publish events of any partners; an outcome for each.

    What is wrong with one, or expensive for its partner, refuses no other. Each is stored
    with all that belongs to it, or not at all. Not in a transaction of the caller's. Raises
    the error of a database that is away when nothing could be stored.
    """
    return _Batch(by, events).run()


class _Batch:
    def __init__(self, by: audit.Actor, new: Sequence[NewEvent]) -> None:
        self._by = by
        self._new = new
        self._outcomes: dict[int, Outcome] = {}
        self._end = monotonic() + SECONDS
        self._deliveries = event_rows.MOST_DELIVERIES
        self._away: Exception | None = None

    def run(self) -> list[Outcome]:
        self._outcomes |= eventchecks.check(self._new)
        items = [
            _Item(index, event)
            for index, event in enumerate(self._new)
            if index not in self._outcomes
        ]
        self._write(_in_turns(items))
        outcomes = [self._outcomes[index] for index in range(len(self._new))]
        if self._away and not any(isinstance(o, events.Published) for o in outcomes):
            raise self._away
        return outcomes

    def _write(self, items: Sequence[_Item], *, is_second_try: bool = False) -> None:
        while items:
            if monotonic() > self._end:
                self._give_back(items)
                return
            try:
                written = self._in_a_transaction([item.event for item in items])
            except Exception as error:  # noqa: BLE001 - it is logged with its event
                if outages.is_outage(error):
                    self._after(error, items, is_second_try)
                else:
                    self._apart(error, items)
                return
            for item, outcome in zip(items, written, strict=False):
                self._outcomes[item.index] = outcome
            items = items[len(written) :]

    def _in_a_transaction(self, new: Sequence[NewEvent]) -> Sequence[events.Outcome]:
        """The outcomes of the first of them, as many as a transaction holds."""
        room = Room(self._deliveries, MOST_ROWS, MOST_BYTES, MOST_PARTNERS)
        rows = events.write(
            by=self._by, events=new, room=room, lock_timeout=LOCK_TIMEOUT
        )
        self._deliveries -= len(rows.deliveries)
        return rows.outcomes

    def _after(
        self, error: Exception, items: Sequence[_Item], is_second_try: bool
    ) -> None:
        """The database did not take them: it is away, or somebody has locked what one of
        them needs."""
        self._away = error
        if not _is_there():
            self._give_back(items)
        elif len(parts := _by_partner(items)) > 1:
            for part in parts:
                self._write(part)
        elif is_second_try:
            logger.warning("A partner's part of a batch was not stored: %s", error)
            self._give_back(items)
        else:
            self._write(items, is_second_try=True)

    def _apart(self, error: Exception, items: Sequence[_Item]) -> None:
        """One of them cannot be stored."""
        if len(items) == 1:
            failed = Failed()
            logger.error(
                "An event failed, answered as %s", failed.occurrence, exc_info=error
            )
            self._outcomes[items[0].index] = failed
            return
        middle = len(items) // 2
        parts = _by_partner(items)
        for part in parts if len(parts) > 1 else (items[:middle], items[middle:]):
            self._write(part)

    def _give_back(self, items: Iterable[_Item]) -> None:
        for item in items:
            self._outcomes[item.index] = NotStored()


def _in_turns(items: Iterable[_Item]) -> list[_Item]:
    """Each partner's first, then each one's second, and so on: when the time is over, no
    partner has used that of another."""
    count: Counter[UUID] = Counter()
    turns = []
    for item in items:
        count[item.event.partner.id] += 1
        turns.append((count[item.event.partner.id], item.index, item))
    return [item for *_, item in sorted(turns, key=lambda turn: turn[:2])]


def _by_partner(items: Iterable[_Item]) -> list[list[_Item]]:
    parts: dict[UUID, list[_Item]] = {}
    for item in items:
        parts.setdefault(item.event.partner.id, []).append(item)
    return list(parts.values())


def _is_there() -> bool:
    """Whether the database can be reached, after an error of it."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    try:
        connection.ensure_connection()
    except Error:
        return False
    return True
