"""An index of the deliveries that somebody has sent again and that wait.

On PostgreSQL it is built beside the traffic: the table is large, and a lock on it would stop
publishing and delivering. So this migration is no transaction, and may be run again.
"""

from typing import Any

from django.db import migrations, models

NAME = "delivery_sent_again"


class AddIndex(migrations.AddIndex):
    """Without a lock that writers wait for."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        # One that a build which was stopped has left is not valid.
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.add_index(model, self.index, concurrently=True)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("webhooks", "0003_limits")]

    operations = [
        AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(
                    ("recovery", None),
                    ("redelivery_of__isnull", False),
                    ("state", "pending"),
                ),
                fields=["partner"],
                name=NAME,
            ),
        ),
    ]
