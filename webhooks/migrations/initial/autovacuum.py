"""PostgreSQL cleans the two tables of the queue often.

Their rows change a million times an hour, and each change leaves a dead row behind. By
default PostgreSQL waits until a fifth of a table is dead, and until then every claim steps
over the dead rows. SQLite changes rows in their place and needs none of this.
"""

from typing import Any

TABLES = ("webhooks_delivery", "webhooks_endpoint")
SETTINGS = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000"


def run_often(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} SET ({SETTINGS})")
