"""The cursor of `prepared`. On its own, because psycopg is installed for PostgreSQL only."""

from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus


class PreparedCursor(psycopg.Cursor[Any]):
    """Prepares what it executes. A connection keeps the last hundred (`prepared_max`)."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        connection = self.connection
        # At all other times it is None. Else psycopg would keep the text of every statement of
        # the connection, to count it, with the values that Django writes into it.
        connection.prepare_threshold = 0
        try:
            return super().execute(query, params, **options)
        except psycopg.errors.FeatureNotSupported:
            # A migration has changed the type of a column that it returns.
            if connection.info.transaction_status == TransactionStatus.INERROR:
                raise
            super().execute("DEALLOCATE ALL", prepare=False)
            return super().execute(query, params, **options)
        finally:
            connection.prepare_threshold = None
