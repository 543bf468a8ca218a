"""Connections to PostgreSQL: whether one still works, and whether it may keep statements."""

import select
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    keeps_prepared = False
    """Whether the connection's own server process answers each of its statements."""
    has_lost = False
    """Set when a connection is closed that broke under a statement; whoever asks takes it back."""

    def init_connection_state(self) -> None:
        super().init_connection_state()
        self.keeps_prepared = (
            settings.DATABASE_PREPARED_STATEMENTS and self._is_direct()
        )

    def is_usable(self) -> bool:
        """Django asks before the first statement of a request. A server that ends a connection
        says so, and closes it; so where nothing has arrived there is no need to ask it."""
        if self.errors_occurred or self.connection.closed or self._has_arrived():
            usable: bool = super().is_usable()
            return usable
        return True

    def _close(self) -> Any:
        # The statement that `is_usable` makes is no error to Django.
        if self.errors_occurred and self.connection and self.connection.broken:
            self.has_lost = True
        return super()._close()  # type: ignore[misc]

    def _has_arrived(self) -> bool:
        """Whether something can be read, be it the end, without a wait for it."""
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _is_direct(self) -> bool:
        """A pooler in transaction mode gives each transaction another server process. A statement
        of ours is unknown there, or is one that another connection has prepared under the
        same name. A pooler can be told by the process that it names at the start of the
        connection: that is its own.
        """
        (answering,) = self.connection.execute("SELECT pg_backend_pid()").fetchone()
        return bool(answering == self.connection.info.backend_pid)
