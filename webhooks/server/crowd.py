"""All connections of a process: how many, how much they hold, and who must go."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import chain

from . import limits
from .connection import Connection, Phase
from .limits import Limits
from .refusals import Refusals, Refuse

TURN_SECONDS = 0.002
"""Of the loop, for which a sweep goes on before it lets others be read and answered."""

CALMED = 0.75
"""Of the memory: to this a crowd that holds too much is brought at once, so that looking for the
largest costs little for each byte received."""


class Crowd:
    """Keeps every connection within its limits, and offers whole requests to the threads.

    All of it runs in the loop, except `take`. `longest_body` says of a path how long a body its
    view reads; None where no view says it. `refuse` words and records what is refused. `work` tells
    the threads of a request; False: it may not wait for one.
    """

    def __init__(
        self,
        allowed: Limits,
        loop: asyncio.AbstractEventLoop,
        *,
        longest_body: Callable[[bytes], int | None],
        refuse: Refuse,
        work: Callable[[Connection], bool],
    ) -> None:
        self.limits = allowed
        self.time = loop.time
        self.longest_body = longest_body
        self.refusals = Refusals(refuse)
        self.is_closing = False
        # Of all connections: it is read into and parsed within one call.
        self.buffer = memoryview(bytearray(64 * limits.KIBIBYTE))
        self._work = work
        self._all: set[Connection] = set()
        # Who is closed when there are too many, the longest first: those that have never had an
        # answer, then those that wait for another request, then those that read slowly.
        self._strangers: dict[Connection, None] = {}
        self._known: dict[Connection, None] = {}
        self._reading: dict[Connection, None] = {}
        self._queued: dict[Connection, None] = {}
        self._held: dict[Connection, int] = {}
        self._held_together = 0
        self._gave_way: Counter[str] = Counter()

    @property
    def is_busy(self) -> bool:
        """Whether anybody waits for an answer, sends a request, or still has to read."""
        return not all(each.is_idle for each in self._all)

    def add(self, connection: Connection) -> None:
        """Where there are too many already, the one that has waited longest is closed."""
        while len(self._all) >= self.limits.connections:
            found = next(chain(self._strangers, self._known, self._reading), None)
            if found is None:
                break  # all have requests that are answered, of which there are few
            self._gave_way["closed for another connection"] += 1
            self.remove(found)
            found.transport.abort()
        self._all.add(connection)
        self._strangers[connection] = None

    def remove(self, connection: Connection) -> None:
        """Removing it twice changes nothing."""
        self._all.discard(connection)
        self._leave(connection)
        self._queued.pop(connection, None)
        self._hold(connection, 0)

    def _leave(self, connection: Connection) -> None:
        for those in (self._strangers, self._known, self._reading):
            those.pop(connection, None)

    # --- Requests ---------------------------------------------------------------------

    def queue(self, connection: Connection) -> None:
        """It has a whole request."""
        self._leave(connection)
        if len(self._queued) < limits.WAITING:
            self._queued[connection] = None  # before a thread can take it
            if self._work(connection):
                self.count(connection)
                return
            del self._queued[connection]
        self._gave_way["refused while too many waited for a thread"] += 1
        connection.give_way()

    def take(self, connection: Connection) -> bool:
        """For a thread: whether its request is still to be answered. Only one is told so."""
        return self._queued.pop(connection, self) is None

    def reads(self, connection: Connection) -> None:
        """Not all of its answer has gone yet."""
        if connection in self._all:
            self._leave(connection)
            self._reading[connection] = None
            self.count(connection)

    def waits(self, connection: Connection) -> None:
        """It was answered, and waits for the next request or for the client to go."""
        self._hold(connection, 0)
        if connection in self._all:
            self._leave(connection)
            (self._known if connection.is_known else self._strangers)[connection] = None

    # --- Memory -----------------------------------------------------------------------

    def count(self, connection: Connection) -> None:
        """It may hold more than before: where all of them hold too much, the largest give way, so
        that it is never a small request of somebody else."""
        self._hold(connection, connection.held)
        if self._held_together <= self.limits.memory:
            return
        for each in list(self._held):
            self._hold(each, each.held)
        for each in sorted(self._held, key=lambda each: -self._held[each]):
            if self._held_together <= CALMED * self.limits.memory:
                return
            if each.phase is not Phase.QUEUED or self.take(each):
                self._gave_way["refused or closed for memory"] += 1
                self._hold(each, 0)
                each.give_way()

    def _hold(self, connection: Connection, held: int) -> None:
        self._held_together -= self._held.pop(connection, 0)
        if held and connection in self._all:
            self._held[connection] = held
            self._held_together += held

    # --- Time -------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Let every connection expire whose deadline is over.

        A thousand that came together end together, too, and each takes a tenth of a millisecond:
        in turns, so that nobody else waits for all of them.
        """
        began = self.time()
        for connection in list(self._all):
            now = self.time()
            if connection in self._all and connection.deadline() < now:
                self._gave_way["too slow"] += not connection.is_idle
                connection.expire()
            if now - began > TURN_SECONDS:
                await asyncio.sleep(0)
                began = self.time()

    def report(self) -> str:
        """What it did to its clients since the last report; empty: nothing."""
        told = [f"{count} {what}" for what, count in self._gave_way.items() if count]
        self._gave_way.clear()
        return ", ".join([*told, *self.refusals.report()])

    def close(self) -> None:
        """Take no more requests. What has begun may end; who only waits is closed at once."""
        self.is_closing = True
        for connection in [each for each in self._all if each.is_idle]:
            connection.transport.close()
