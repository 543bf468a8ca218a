"""Ends what is late: one timer of the event loop for all connections.

A timer for each exchange would cost as much as reading its answer, and nearly all of them
would be cancelled.
"""

import asyncio
from collections.abc import Collection
from typing import Protocol

COALESCED = 0.01
"""Seconds between two sweeps at least. Each looks at every connection, so deadlines that
are close together are met by one of them, late by no more than this."""

NEVER = float("inf")


class Watched(Protocol):
    @property
    def deadline(self) -> float:
        """By the event loop's clock."""

    def expire(self) -> None: ...


class Sweeper:
    """Calls `expire` of each of the `watched` whose deadline has passed.

    Whoever sets a deadline says so with `note`. A deadline may move and its owner may leave
    `watched` without a word.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, watched: Collection[Watched]
    ) -> None:
        self._loop = loop
        self._watched = watched
        self._timer: asyncio.TimerHandle | None = None
        self._next = NEVER

    def note(self, deadline: float) -> None:
        """Sweep no later than at `deadline`."""
        if deadline < self._next:
            self._arm(deadline)

    def close(self) -> None:
        self._next = NEVER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, deadline: float) -> None:
        self.close()
        self._next = deadline
        self._timer = self._loop.call_at(deadline, self._sweep)

    def _sweep(self) -> None:
        now = self._loop.time()
        self.close()
        # `expire` may change the collection.
        for one in [one for one in self._watched if one.deadline <= now]:
            one.expire()
        earliest = min((one.deadline for one in self._watched), default=NEVER)
        if earliest < NEVER:
            self._arm(max(earliest, now + COALESCED))
