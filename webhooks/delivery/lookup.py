"""Looks names up for many deliveries at once.

All deliveries that wait for the same name share one lookup, and its answer is kept for a
second, so that a burst to one receiver asks once. That is safe, because every address is
checked before it is dialled and is not looked up again in between. An old answer can delay
the move of a name to another address; it cannot make a delivery dial an unchecked one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a host and a port, returns addresses; raises OSError when there are none."""

KEPT_SECONDS = 1.0
"""Shorter than any real DNS record lives, longer than the gap between two sends of a burst."""

LONGEST_SECONDS = 30.0
"""Ends a lookup that hangs, which would block its name for ever. A delivery waits less."""


class Lookups:
    """The running lookups, and those that ended within the last second."""

    def __init__(self, resolve: Resolver) -> None:
        self._resolve = resolve
        self._tasks: dict[tuple[str, int], asyncio.Task[tuple[str, ...]]] = {}

    def known(self, host: str, port: int) -> tuple[str, ...] | None:
        """The addresses of `host` if they were looked up within the last second."""
        task = self._tasks.get((host, port))
        if task is None or not task.done() or task.cancelled() or task.exception():
            return None
        return task.result()

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of `host`, at least one. Raises OSError.

        When one caller is cancelled, the lookup goes on for the others.
        """
        key = (host, port)
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(self._look_up(host, port))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        if not task.done():
            await asyncio.wait((task,))
        return task.result()

    async def close(self) -> None:
        """End the lookups under way; their callers are cancelled."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_up(self, host: str, port: int) -> tuple[str, ...]:
        async with asyncio.timeout(LONGEST_SECONDS):
            addresses = tuple(await self._resolve(host, port))
        if not addresses:
            raise OSError("the name has no address")
        return addresses

    def _ended(self, key: tuple[str, int], task: asyncio.Task[tuple[str, ...]]) -> None:
        # Reading the exception tells asyncio that it was handled; no caller reads it when all
        # of them were cancelled before.
        if task.cancelled() or task.exception():
            del self._tasks[key]
        else:
            task.get_loop().call_later(KEPT_SECONDS, self._tasks.pop, key)
