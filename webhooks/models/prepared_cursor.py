"""The cursor of `prepared`. On its own, because psycopg is installed for PostgreSQL only.

It speaks to libpq, as psycopg's cursor does. That one takes 65 us of Python for a statement that
returns one row, and this one 21 (2026-11): it waits in libpq, while other threads run, and has
neither pipelines nor kinds of rows nor results that are read piece by piece.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count
from secrets import token_hex
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.abc import Transformer as AnyTransformer
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from .arrays import Array

MOST = 100
"""Statements that a connection keeps. There are fewer: their texts do not vary."""

_STALE = (
    psycopg.errors.FeatureNotSupported,  # a migration changed the type of a column
    psycopg.errors.InvalidSqlStatementName,  # somebody has released it
)

_PLACE = re.compile(r"%(?:%|s|\((\w+)\)s)")

_Names = dict[tuple[str, tuple[int, ...]], bytes]
_names: "WeakKeyDictionary[psycopg.Connection[Any], _Names]" = WeakKeyDictionary()


class PreparedCursor:
    """What Django asks of a cursor, for statements that are prepared when they are first
    executed. All rows of a result are there at once."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.rowcount = -1

    def execute(
        self, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> None:
        """Raises what psycopg raises."""
        self._begin()
        try:
            self._execute(query, params)
        except _STALE:
            status = self._connection.pgconn.transaction_status
            if status == TransactionStatus.INERROR:
                # Nothing more can be executed in it. The next use prepares it anew.
                _names.pop(self._connection, None)
                raise
            self._forget()
            self._execute(query, params)

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows, []
        return rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def close(self) -> None:
        self._rows = []

    def _begin(self) -> None:
        connection = self._connection
        is_idle = connection.pgconn.transaction_status == TransactionStatus.IDLE
        if is_idle and not connection.autocommit:
            self._checked(connection.pgconn.exec_(b"BEGIN"))

    def _execute(
        self, query: str, params: Sequence[Any] | Mapping[str, Any] | None
    ) -> None:
        text, names = _numbered(query)
        given: Sequence[Any] = () if params is None else list(params)
        if isinstance(params, Mapping):
            given = [params[name] for name in names]
        adapted = Transformer(self._connection)
        values, types, formats = _dumped(given, adapted)
        name = self._prepared(query, text, types)
        pgconn = self._connection.pgconn
        result = self._checked(pgconn.exec_prepared(name, values, formats))
        self.rowcount = result.command_tuples or 0
        adapted.set_pgresult(result)
        self._rows = adapted.load_rows(0, result.ntuples, tuple)

    def _prepared(self, query: str, text: bytes, types: tuple[int, ...]) -> bytes:
        """The name of the statement, for parameters of these types. No other process makes the
        same: should a pooler pass unnoticed, that is an error and no wrong answer."""
        known = _names.setdefault(self._connection, {})
        name = known.get((query, types))
        if name is None:
            if len(known) >= MOST:
                self._forget()
                known = _names.setdefault(self._connection, {})
            name = b"webhooks_%s" % token_hex(8).encode()
            self._checked(self._connection.pgconn.prepare(name, text, types))
            known[query, types] = name
        return name

    def _forget(self) -> None:
        self._checked(self._connection.pgconn.exec_(b"DEALLOCATE ALL"))
        _names.pop(self._connection, None)

    def _checked(self, result: PGresult) -> PGresult:
        if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            return result
        if self._connection.pgconn.status != ConnStatus.OK:
            raise psycopg.OperationalError(result.get_error_message())
        raise psycopg.errors.error_from_result(result)


def _dumped(
    given: Sequence[Any], adapted: AnyTransformer
) -> tuple[list[Any], tuple[int, ...], list[Format] | None]:
    """The values as they are sent, the numbers of their types, and their formats."""
    arrays = [(n, v) for n, v in enumerate(given) if isinstance(v, Array)]
    if arrays:
        given = [None if isinstance(v, Array) else v for v in given]
    values: list[Any] = list(adapted.dump_sequence(given, [PyFormat.TEXT] * len(given)))
    if not arrays:
        return values, adapted.types or (), None
    types, formats = list(adapted.types or ()), [Format.TEXT] * len(given)
    for number, array in arrays:
        values[number] = array.data
        types[number] = array.oid
        formats[number] = Format.BINARY
    return values, tuple(types), formats


@lru_cache
def _numbered(query: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with `$1` for its first parameter, and so on; and the names of the
    parameters, if they have any."""
    names: list[str] = []
    numbers = count(1)

    def place(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if found[1] is None:
            return f"${next(numbers)}"
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    return _PLACE.sub(place, query).encode(), tuple(names)
