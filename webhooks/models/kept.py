"""Querysets whose SQL is kept.

Django makes the SQL of a queryset anew at each use. That takes some times as long as a database takes
to find a few rows by an index: on a page with a dozen querysets it was half of the time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, models


class Given(models.Expression):
    """Stands in a queryset for a value that is known when its rows are read."""

    def __init__(self, name: str, field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return "%s", [self]

    def of(self, values: dict[str, Any]) -> Any:
        return self.output_field.get_db_prep_value(values[self.name], connection)


class Kept:
    """A queryset that is made once in a process: `rows` gets a `Given` for each of `given`.

    Only constants may be in it beside them: a time of the first use would be the same for ever. So
    it is made twice then, and TypeError is raised where both differ.
    """

    def __init__(
        self,
        rows: Callable[..., "models.QuerySet[Any, Any]"],
        **given: "models.Field[Any, Any]",
    ) -> None:
        self._rows = rows
        self._given = {name: Given(name, field) for name, field in given.items()}
        self._made: dict[str, _Made] = {}

    def rows(self, **values: Any) -> list[Any]:
        """Instances of the model, with what the queryset annotates. One SELECT. What belongs to
        other rows is not joined: annotate it."""
        made, parameters = self._bound(values)
        found = list(made.model._default_manager.raw(made.sql, parameters))
        for name, expression in made.annotations.items():
            for convert in _converters(expression):
                for row in found:
                    value = convert(getattr(row, name), expression, connection)
                    setattr(row, name, value)
        return found

    def count(self, **values: Any) -> int:
        """The number of the rows. One SELECT."""
        made, parameters = self._bound(values)
        sql = f"SELECT COUNT(*) FROM ({made.sql}) AS counted"  # noqa: S608 - of a queryset
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            count: int = cursor.fetchone()[0]
        return count

    def _bound(self, values: dict[str, Any]) -> tuple["_Made", list[Any]]:
        made = self._made.get(connection.vendor)
        if made is None:
            made = self._make()
            if made.parameters != self._make().parameters:
                raise TypeError(f"It has values of its first use: {made.parameters}")
            self._made[connection.vendor] = made
        return made, [
            each.of(values) if isinstance(each, Given) else each
            for each in made.parameters
        ]

    def _make(self) -> "_Made":
        query = self._rows(**self._given).query
        sql, parameters = query.get_compiler(connection=connection).as_sql()
        return _Made(query.model, sql, list(parameters), query.annotation_select)


@dataclass(frozen=True)
class _Made:
    model: Any
    sql: str
    parameters: list[Any]
    annotations: dict[str, Any]


def _converters(expression: Any) -> list[Any]:
    """What Django does to a value from the database: SQLite has no times, for one."""
    return [
        *connection.ops.get_db_converters(expression),
        *expression.get_db_converters(connection),
    ]
