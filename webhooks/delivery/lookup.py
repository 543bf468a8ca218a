"""Looks names up for many deliveries at once.

All deliveries that wait for the same name share one lookup, and its answer is kept for a
second, so that a burst to one receiver asks once. That is safe, because every address is
checked before it is dialled and is not looked up again in between. An old answer can delay
the move of a name to another address; it cannot make a delivery dial an unchecked one.

A name server that never answers holds a thread for as long as the system waits, half a minute
or longer. So each partner may have a few lookups under way, and waits for its own beyond those:
names that hang do not use up the threads of all.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a host and a port, returns addresses; raises OSError when there are none."""

KEPT_SECONDS = 1.0
"""Shorter than any real DNS record lives, longer than the gap between two sends of a burst."""

LONGEST_SECONDS = 30.0
"""Ends a lookup that hangs, which would block its name for ever. A delivery waits less."""

MOST = 64
"""Lookups under way in a process. They do not use the threads that work with the database."""

MOST_OF_A_PARTNER = 8
"""Of those. A partner of a thousand URLs needs few: an answer takes milliseconds."""

Name = tuple[str, int]


class NoAddress(Exception):
    """The name has no address. The text says why."""


class Lookups:
    """The running lookups, and those that ended within the last second."""

    def __init__(self, resolve: Resolver) -> None:
        self._resolve = resolve
        self._tasks: dict[Name, asyncio.Task[tuple[str, ...]]] = {}
        self._resolving: set[asyncio.Future[Sequence[str]]] = set()
        self._room = asyncio.Semaphore(MOST)
        # Kept by those that hold it or wait for it.
        self._shares = WeakValueDictionary[UUID, asyncio.Semaphore]()

    def known(self, host: str, port: int) -> tuple[str, ...] | None:
        """The addresses of `host` if they were looked up within the last second."""
        task = self._tasks.get((host, port))
        if task is None or not task.done() or task.cancelled() or task.exception():
            return None
        return task.result()

    async def addresses(
        self, host: str, port: int, *, partner: UUID, deadline: float
    ) -> tuple[str, ...]:
        """The addresses of `host`, at least one. Raises NoAddress, or TimeoutError when its
        lookup is not over by the event loop's `deadline`.

        When one caller is cancelled, the lookup goes on for the others. It counts for the
        partner that began it.
        """
        name = (host, port)
        task = self._tasks.get(name) or await self._begin(name, partner, deadline)
        if not task.done():
            async with asyncio.timeout_at(deadline):
                await asyncio.wait((task,))
        try:
            return task.result()
        except (OSError, UnicodeError) as error:
            raise NoAddress(f"{type(error).__name__}: {error}") from None

    async def close(self) -> None:
        """End the lookups under way; their callers are cancelled."""
        tasks: list[asyncio.Future[Any]] = [*self._tasks.values(), *self._resolving]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(
        self, name: Name, partner: UUID, deadline: float
    ) -> asyncio.Task[tuple[str, ...]]:
        """Waits until the partner may begin a lookup. Meanwhile the name is nobody's, so that
        another partner need not wait with it."""
        share = self._shares.setdefault(partner, asyncio.Semaphore(MOST_OF_A_PARTNER))
        try:
            async with asyncio.timeout_at(deadline):
                await share.acquire()
                try:
                    await self._room.acquire()
                except asyncio.CancelledError:
                    share.release()
                    raise
        except TimeoutError:
            raise NoAddress(
                f"the lookup could not begin in time: {MOST_OF_A_PARTNER} of this partner, "
                f"or {MOST} in all, were under way"
            ) from None
        if name in self._tasks:
            self._leave(share)
            return self._tasks[name]
        resolving = asyncio.ensure_future(self._resolve(*name))
        self._resolving.add(resolving)
        resolving.add_done_callback(partial(self._resolved, share))
        task = asyncio.create_task(_result(resolving))
        self._tasks[name] = task
        task.add_done_callback(partial(self._ended, name))
        return task

    def _leave(self, share: asyncio.Semaphore) -> None:
        self._room.release()
        share.release()

    def _resolved(
        self, share: asyncio.Semaphore, resolving: asyncio.Future[Sequence[str]]
    ) -> None:
        # Not earlier: what nobody waits for any longer still holds its thread.
        self._leave(share)
        self._resolving.discard(resolving)
        _mark_as_handled(resolving)

    def _ended(self, name: Name, task: asyncio.Task[tuple[str, ...]]) -> None:
        if _mark_as_handled(task):
            del self._tasks[name]
        else:
            task.get_loop().call_later(KEPT_SECONDS, self._tasks.pop, name)


async def ask_system(host: str, port: int) -> list[str]:
    """The system's resolver.

    Its thread does not keep the process from ending, as one of an executor would.
    """
    answer: Future[list[str]] = Future()
    answer.set_running_or_notify_cancel()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result([str(sockaddr[0]) for *_, sockaddr in found])
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            answer.set_exception(error)

    Thread(target=ask, name="resolver", daemon=True).start()
    return await asyncio.wrap_future(answer)


async def _result(resolving: asyncio.Future[Sequence[str]]) -> tuple[str, ...]:
    await asyncio.wait((resolving,), timeout=LONGEST_SECONDS)
    if not resolving.done():
        raise OSError(f"no answer within {LONGEST_SECONDS:g} s")
    addresses = tuple(resolving.result())
    if not addresses:
        raise OSError("the name has no address")
    return addresses


def _mark_as_handled(ended: asyncio.Future[Any]) -> bool:
    """Whether it failed. asyncio logs an exception that nobody reads, and no caller does when
    all of them were cancelled before."""
    return ended.cancelled() or ended.exception() is not None
