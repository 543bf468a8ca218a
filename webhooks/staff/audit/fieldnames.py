"""The names of the fields of a JSON object, without what they hold."""

from typing import Any

from django.db.models import Func, JSONField


class FieldNames(Func):
    """A list of names; None or empty where there is no object. A value may be a megabyte of
    a partner's, and none of it leaves the database."""

    arity = 1
    output_field = JSONField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template=_SQLITE, **more)

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template=_POSTGRESQL, **more)


_SQLITE = """(
    SELECT json_group_array(key) FROM json_each(
        CASE json_type(%(expressions)s) WHEN 'object' THEN %(expressions)s END)
)"""
_POSTGRESQL = """(
    SELECT jsonb_agg(name) FROM jsonb_object_keys(
        CASE jsonb_typeof(%(expressions)s) WHEN 'object' THEN %(expressions)s END) AS name
)"""
