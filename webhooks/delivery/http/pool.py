"""The open connections of a client, and those of them that wait to be used again.

A connection is found by the address that was checked and by the scheme, host and port that
it was opened for. So it serves only the host whose certificate it has seen, and only while
a check allows its address.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence

from webhooks.delivery.egress import Target

from . import dialling
from .connection import READ_SIZE, Connection
from .sweeper import Sweeper

KEEP_ALIVE_SECONDS = 4.0
"""Shorter than the five seconds after which Node and Apache close a connection: a POST that
is sent while the other side closes it is lost."""

MAX_IDLE = 256
"""Connections that wait to be used again. More receivers than that within four seconds get
a new one each time, and the process keeps files for what is under way."""

_Key = tuple[str, str]  # an address, and an origin: scheme, host and port


class Pool:
    """Used within one event loop."""

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        self._loop = asyncio.get_running_loop()
        self._ssl = ssl_context
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._open: set[Connection] = set()
        self._sweeper = Sweeper(self._loop, self._open)
        self.note = self._sweeper.note
        # Those that wait: by their key, the last that was given back at the end; and all
        # of them, the first that was given back in front.
        self._idle: dict[_Key, dict[Connection, None]] = {}
        self._keys: dict[Connection, _Key] = {}

    def take(self, origin: str, address: str) -> Connection | None:
        """An idle connection, which nobody else gets until it is given back.

        One that the other side closed, or over which anything came unasked, is closed in
        place of being used: a request sent over it might be lost, and cannot be repeated.
        """
        key = address, origin
        while key in self._idle:
            connection = next(reversed(self._idle[key]))
            self._forget(connection)
            if connection.deadline > self._loop.time() and connection.is_silent():
                return connection
            connection.close()
        return None

    def give_back(self, connection: Connection, origin: str) -> None:
        """Keep a connection for the next that asks, if it is open."""
        if not connection.is_open:
            return
        if len(self._keys) >= MAX_IDLE:
            oldest = next(iter(self._keys))
            self._forget(oldest)
            oldest.close()
        key = connection.address, origin
        self._keys[connection] = key
        self._idle.setdefault(key, {})[connection] = None
        connection.set_deadline(self._loop.time() + KEEP_ALIVE_SECONDS)

    async def dial(
        self, target: Target, addresses: Sequence[str], *, deadline: float
    ) -> Connection:
        """A new connection; see `dialling.dial`."""
        return await dialling.dial(
            target,
            addresses,
            ssl_context=self._ssl,
            make=self._make,
            deadline=deadline,
        )

    async def close(self) -> None:
        """Close every connection, and return when their sockets are closed."""
        for connection in list(self._open):
            connection.close()
        while self._open:
            await asyncio.sleep(0)
        self._sweeper.close()

    # What the connections tell; `note` is the sweeper's.

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._keys:
            self._forget(connection)

    def _make(self, address: str, is_silent: Callable[[], bool]) -> Connection:
        return Connection(
            address=address,
            loop=self._loop,
            buffer=self._buffer,
            is_silent=is_silent,
            owner=self,
        )

    def _forget(self, connection: Connection) -> None:
        key = self._keys.pop(connection)
        waiting = self._idle[key]
        del waiting[connection]
        if not waiting:
            del self._idle[key]
