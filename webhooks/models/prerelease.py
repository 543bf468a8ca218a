"""Databases that were made before release 0.1.0, whose fifteen migrations became one.

0001_initial replaces fifteen older migrations, and has the name of the first. A database that
ran all of them can go on. One that ran fewer is refused, because its tables are incomplete: it
lacks the column that the last one added.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "webhooks_apikey"
LAST_ADDED = "replaced_by_id"


def is_unfinished(connection: BaseDatabaseWrapper) -> bool:
    """Whether there are tables, and they are older than those of release 0.1.0."""
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return False
        columns = connection.introspection.get_table_description(cursor, TABLE)
    return LAST_ADDED not in {column.name for column in columns}
