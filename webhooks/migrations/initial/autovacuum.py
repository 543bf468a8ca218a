"""PostgreSQL cleans the two tables of the queue often.

Their rows change a million times an hour. By its own settings PostgreSQL would wait until a
fifth of a table is dead rows, and until then every claim steps over them. SQLite has nothing
of the kind: it changes rows in their place.
"""

TABLES = ("webhooks_delivery", "webhooks_endpoint")
SETTINGS = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000"


def run_often(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} SET ({SETTINGS})")
