"""A thread with a database connection of its own, for use by an event loop.

While the database is away, the thread tries the same work again until the database is back.
So the work must be safe to repeat.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connections

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE = 0.1
# InternalError: a server that takes no writes, as after a failover to a standby.
AWAY = (OperationalError, InterfaceError, InternalError)

LONGEST_PAUSE = 5.0
"""Seconds between two tries while the database is away; the pause doubles up to this."""


class DatabaseThread:
    """Runs one piece of work at a time; closed by `close`, which waits for the last."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns. It is tried until the database can be reached.

        Raises every other error of it, also other errors of the database.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(
                    self._executor, self._attempt, work
                )
            except AWAY as error:
                logger.warning("Database: %s; next try in %.1f s.", error, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def close(self) -> None:
        self._executor.submit(connections.close_all)
        self._executor.shutdown()

    @staticmethod
    def _attempt(work: Callable[[], T]) -> T:
        try:
            return work()
        except AWAY:
            # The next try begins with a new connection, whatever state this one is in.
            connections.close_all()
            raise
