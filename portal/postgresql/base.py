"""Connections to PostgreSQL: whether one of them may keep prepared statements."""

from django.conf import settings
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    keeps_prepared = False
    """Whether the connection's own server process answers each of its statements."""

    def init_connection_state(self) -> None:
        super().init_connection_state()
        self.keeps_prepared = (
            settings.DATABASE_PREPARED_STATEMENTS and self._is_direct()
        )

    def _is_direct(self) -> bool:
        """A pooler in transaction mode gives each transaction another server process. A statement
        of ours is unknown there, or is one that another connection has prepared under the
        same name. A pooler can be told by the process that it names at the start of the
        connection: that is its own.
        """
        with self.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (answering,) = cursor.fetchone()
        return bool(answering == self.connection.info.backend_pid)
