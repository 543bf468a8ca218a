"""Databases that were made before release 0.1.0, whose fifteen migrations became one.

The one has the name of the first of them. Where all fifteen ran, the tables are what the one
makes, and Django goes on from there. Where fewer ran, Django would believe the same and be
wrong, so such a database is recognised by its tables: it lacks what the last one added.
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
