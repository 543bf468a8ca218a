"""What a worker does beside delivering: small pieces of work, each now and then.

Whoever has such work registers it, as `apps.ready` does for the rooms above this one.
Every worker runs all of them, so a chore must be safe beside itself.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from .database import DatabaseThread

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    name: str
    every: float
    """Seconds from the end of one run to the start of the next."""
    run: Callable[[], bool]
    """Does a bounded piece in its own transactions; True when more is left to do now.
    Runs in a thread with a database connection of its own."""


_chores: dict[str, Chore] = {}


def register(chore: Chore) -> None:
    """Registering a name again replaces it."""
    _chores[chore.name] = chore


def registered() -> Sequence[Chore]:
    return tuple(_chores.values())


class Rounds:
    """Runs chores one at a time, each when it is due."""

    def __init__(self, thread: DatabaseThread, chores: Sequence[Chore]) -> None:
        self._thread = thread
        self._due = dict.fromkeys(chores, 0.0)

    async def walk(self) -> None:
        """Until cancelled."""
        while True:
            chore = min(self._due, key=self._due.__getitem__)
            await asyncio.sleep(max(0.0, self._due[chore] - monotonic()))
            await self._do(chore)

    async def walk_once(self) -> bool:
        """Every chore now; whether one of them has more to do."""
        return any([await self._do(chore) for chore in self._due])

    async def _do(self, chore: Chore) -> bool:
        try:
            has_more = await self._thread.run(chore.run)
        except Exception:
            logger.exception("The chore %s failed.", chore.name)
            has_more = False
        self._due[chore] = monotonic() + (0.0 if has_more else chore.every)
        return has_more
