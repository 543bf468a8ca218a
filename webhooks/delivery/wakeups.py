"""Listens for new work, so that a worker need not wait for its next poll.

A lost wake-up costs a poll interval and nothing else. PostgreSQL sends a NOTIFY (by
`outbox.wake`, when an endpoint was asleep). A SQLite file has a counter that changes with
every commit of another connection; reading it costs microseconds.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from django.db import Error, connection

logger = logging.getLogger(__name__)

CHANNEL = "webhooks_due"
LOOK = 0.005
"""Seconds between two looks at SQLite's counter."""

LISTEN_FOR = 0.5
"""Seconds after which a listener looks whether it is to end."""

PAUSE = 5.0
"""Seconds until a listener that lost its connection opens another."""


@asynccontextmanager
async def listening(wake: Callable[[], None]) -> AsyncIterator[None]:
    """Have `wake` called, in this event loop, whenever there may be new work."""
    ended = threading.Event()
    listen = _to_postgresql if connection.vendor == "postgresql" else _to_sqlite
    wake_up = partial(_wake_up, asyncio.get_running_loop(), wake)
    thread = threading.Thread(
        target=_keep, args=(listen, wake_up, ended), name="wakeups", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        await asyncio.to_thread(thread.join)


def _keep(
    listen: Callable[[Callable[[], None], threading.Event], None],
    wake_up: Callable[[], None],
    ended: threading.Event,
) -> None:
    while not ended.is_set():
        try:
            listen(wake_up, ended)
        except Error as error:
            logger.warning("No wake-ups for %.0f s: %s", PAUSE, error)
            ended.wait(PAUSE)
        finally:
            connection.close()


def _to_postgresql(wake_up: Callable[[], None], ended: threading.Event) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    wake_up()  # for all that was published before
    with connection.wrap_database_errors:
        while not ended.is_set():
            for _ in connection.connection.notifies(timeout=LISTEN_FOR, stop_after=1):
                wake_up()


def _to_sqlite(wake_up: Callable[[], None], ended: threading.Event) -> None:
    seen = None
    with connection.cursor() as cursor:
        while not ended.wait(LOOK):
            cursor.execute("PRAGMA data_version")
            if (version := cursor.fetchone()) != seen:
                seen = version
                wake_up()


def _wake_up(loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(wake)
    except RuntimeError:
        pass  # the loop has ended, and this thread is about to
