"""Arrays as PostgreSQL's binary protocol has them: the columns of many rows at once.

psycopg would choose the type of an array by its values, and prepare the statement anew for each
combination; here a column has one type. It also takes three times as long. The form is that
of `array_recv` in PostgreSQL's source.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import adapt
from psycopg.abc import AdaptContext

_HEAD = struct.Struct(
    ">iiIii"
).pack  # dimensions, has null, element type, length, from 1
_INT4 = struct.Struct(">ii").pack
_INT8 = struct.Struct(">iq").pack
_FLOAT8 = struct.Struct(">id").pack
_LENGTH = struct.Struct(">i").pack
_NULL = b"\xff\xff\xff\xff"

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's own
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class Array:
    """A parameter of `prepared.cursor()`."""

    oid: int  # of the array's type, in pg_type
    values: Sequence[Any]
    data: bytes


def _array(
    oid: int, element: int, values: Sequence[Any], parts: Sequence[bytes]
) -> Array:
    head = _HEAD(1, _NULL in parts, element, len(parts), 1)
    return Array(oid, values, head + b"".join(parts))


def uuids(values: Sequence[UUID | None]) -> Array:
    parts = [_NULL if v is None else b"\0\0\0\x10" + v.bytes for v in values]
    return _array(2951, 2950, values, parts)


def ints(values: Sequence[int | None]) -> Array:
    parts = [_NULL if v is None else _INT4(4, v) for v in values]
    return _array(1007, 23, values, parts)


def floats(values: Sequence[float | None]) -> Array:
    parts = [_NULL if v is None else _FLOAT8(8, v) for v in values]
    return _array(1022, 701, values, parts)


def moments(values: Sequence[datetime | None]) -> Array:
    parts = [
        _NULL if v is None else _INT8(8, (v - _EPOCH) // _MICROSECOND) for v in values
    ]
    return _array(1185, 1184, values, parts)


def texts(values: Sequence[str | None]) -> Array:
    parts = [_NULL if v is None else _sized(v.encode()) for v in values]
    return _array(1009, 25, values, parts)


def byteas(values: Sequence[bytes | None]) -> Array:
    parts = [_NULL if v is None else _sized(v) for v in values]
    return _array(1001, 17, values, parts)


def jsonbs(values: Sequence[str | None]) -> Array:
    """Of JSON as text."""
    parts = [_NULL if v is None else _sized(b"\1" + v.encode()) for v in values]
    return _array(3807, 3802, values, parts)


def _sized(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


class _Dumper(adapt.Dumper):
    """For a cursor that writes its parameters into the statement."""

    def get_key(self, obj: Array, format: adapt.PyFormat) -> Any:
        return self.cls, obj.oid

    def upgrade(self, obj: Array, format: adapt.PyFormat) -> "_Dumper":
        dumper = type(self)(self.cls, self.connection)
        dumper.oid = obj.oid
        return dumper

    def quote(self, obj: Array) -> bytes:
        return adapt.Transformer(self.connection).as_literal(list(obj.values))

    def dump(self, obj: Array) -> bytes:
        raise NotImplementedError("an array is sent apart by PreparedCursor only")


def register(context: AdaptContext) -> None:
    """Let the usual cursors of a connection take arrays."""
    context.adapters.register_dumper(Array, _Dumper)
