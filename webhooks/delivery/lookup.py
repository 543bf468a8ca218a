"""Names into addresses, for many deliveries at once.

What a lookup answers is shared by all deliveries that wait for the same name and kept
for a second, so that a burst to one receiver asks once. That is safe because an answer
is only ever dialled after its addresses were checked, never looked up a second time:
an old answer can make a delivery late in noticing a move, it cannot make it dial an
address that was not checked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a host and a port, returns addresses; raises OSError when there are none."""

KEPT_SECONDS = 1.0
"""Below the lifetime of any real DNS record, above the gap between two sends of a burst."""

LONGEST_SECONDS = 30.0
"""A lookup that nobody ends would hold its name for ever; a delivery waits less."""


class Lookups:
    """The lookups under way and those that ended within the last second."""

    def __init__(self, resolve: Resolver) -> None:
        self._resolve = resolve
        self._tasks: dict[tuple[str, int], asyncio.Task[tuple[str, ...]]] = {}

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of `host`, at least one. Raises OSError.

        Cancelling one caller leaves the lookup to the others.
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
        # Asking for the exception also tells asyncio that somebody saw it, which nobody
        # did when every caller had given up before.
        if task.cancelled() or task.exception():
            del self._tasks[key]
        else:
            task.get_loop().call_later(KEPT_SECONDS, self._tasks.pop, key)
