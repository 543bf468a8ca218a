"""The limits of a partner, and when a key was last noted to have seen signing secrets.

Both columns may be null, so no row is rewritten and processes of the version before go on.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_answers_of_forms")]

    operations = [
        migrations.AddField(
            model_name="partner",
            name="limits",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="secrets_shown_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
