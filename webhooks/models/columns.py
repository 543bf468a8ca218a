"""Instances of a model, from a statement that is written by hand.

They are what the ORM makes of the same row. Such a statement names each column in place of
`*`, so that a column which a later version adds changes nothing for it.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models

M = TypeVar("M", bound=models.Model)


class Columns(Generic[M]):
    """The columns of a model's table, under the alias that a statement gives it."""

    def __init__(self, model: type[M], alias: str) -> None:
        fields = model._meta.concrete_fields
        self._model = model
        self._names = [field.attname for field in fields]
        self.count = len(fields)
        self.sql = ", ".join(f"{alias}.{field.column}" for field in fields)

    def instance(self, values: Sequence[Any]) -> M:
        """The instance of a row, whose columns a cursor has returned as these values."""
        database = connections[DEFAULT_DB_ALIAS]  # not what looks it up each time
        values = list(values)
        for position, convert, column in _converters(self._model, database.vendor):
            values[position] = convert(values[position], column, database)
        return self._model.from_db(DEFAULT_DB_ALIAS, self._names, values)


@cache
def _converters(
    model: type[models.Model], vendor: str
) -> list[tuple[int, Callable[[Any, Any, Any], Any], Any]]:
    """What the ORM does to a column's values on this kind of database, by position."""
    database, table = connections[DEFAULT_DB_ALIAS], model._meta.db_table
    columns = [field.get_col(table) for field in model._meta.concrete_fields]
    return [
        (position, convert, column)
        for position, column in enumerate(columns)
        for convert in (
            *database.ops.get_db_converters(column),
            *column.get_db_converters(database),
        )
    ]
