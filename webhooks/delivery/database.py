"""A thread with a database connection of its own, for an event loop to work through.

It outlives the connection: what could not be done because the database was away is done
again until it comes back. So what is handed to it must be safe to repeat.
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
# The last is a server that takes no writes, as after a failover to a standby.
AWAY = (OperationalError, InterfaceError, InternalError)

LONGEST_PAUSE = 5.0
"""Seconds between two tries while the database is away; they double up to the longest."""


class DatabaseThread:
    """Runs one piece of work at a time; closed by `close`, which waits for the last."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns; it is tried until the database can be reached.

        Raises what else it raises, other errors of the database among them.
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
            # Whatever state it is in, the next try begins with a new one.
            connections.close_all()
            raise
