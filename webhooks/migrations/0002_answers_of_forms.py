"""An answer may be that of a form for staff, which belongs to no partner."""

from typing import Any

from django.db import migrations, models
from django.db.models import CASCADE, Q


def drop_answers_without_partner(apps: Any, schema_editor: Any) -> None:
    """On the way back: the column takes no NULL before this migration."""
    answers = apps.get_model("webhooks", "Answer").objects
    answers.using(schema_editor.connection.alias).filter(partner=None).delete()


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="answer",
            name="partner",
            field=models.ForeignKey(
                null=True,
                on_delete=CASCADE,
                related_name="+",
                db_index=False,
                to="webhooks.partner",
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.UniqueConstraint(
                fields=["key"],
                condition=Q(partner=None),
                name="answer_key_unique_for_staff",
            ),
        ),
        migrations.RunPython(
            migrations.RunPython.noop, drop_answers_without_partner, elidable=False
        ),
    ]
