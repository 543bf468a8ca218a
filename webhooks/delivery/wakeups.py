"""Being told that something was published. Haste only: polling finds it anyway.

PostgreSQL says so itself (NOTIFY, sent by `outbox.wake` when an endpoint was at rest). A
SQLite file has a counter that moves with every commit of somebody else, and asking for it
costs microseconds.
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

HEARING = 0.5
"""Seconds in which a listener notices that it is to end."""

PAUSE = 5.0
"""Seconds until a listener that lost its connection makes another."""


@asynccontextmanager
async def heard(wake: Callable[[], None]) -> AsyncIterator[None]:
    """Have `wake` called, in this event loop, whenever something was published."""
    ended = threading.Event()
    listen = _to_postgresql if connection.vendor == "postgresql" else _to_sqlite
    tell = partial(_tell, asyncio.get_running_loop(), wake)
    thread = threading.Thread(
        target=_keep, args=(listen, tell, ended), name="wakeups", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        await asyncio.to_thread(thread.join)


def _keep(
    listen: Callable[[Callable[[], None], threading.Event], None],
    tell: Callable[[], None],
    ended: threading.Event,
) -> None:
    while not ended.is_set():
        try:
            listen(tell, ended)
        except Error as error:
            logger.warning("No wake-ups for %.0f s: %s", PAUSE, error)
            ended.wait(PAUSE)
        finally:
            connection.close()


def _to_postgresql(tell: Callable[[], None], ended: threading.Event) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    tell()  # of whatever was missed until now
    with connection.wrap_database_errors:
        while not ended.is_set():
            for _ in connection.connection.notifies(timeout=HEARING, stop_after=1):
                tell()


def _to_sqlite(tell: Callable[[], None], ended: threading.Event) -> None:
    seen = None
    with connection.cursor() as cursor:
        while not ended.wait(LOOK):
            cursor.execute("PRAGMA data_version")
            if (version := cursor.fetchone()) != seen:
                seen = version
                tell()


def _tell(loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(wake)
    except RuntimeError:
        pass  # the loop has ended, and this thread is about to
