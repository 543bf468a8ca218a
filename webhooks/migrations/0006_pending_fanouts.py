"""A table of the events whose deliveries are not all written yet. It begins empty."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0005_visitors_in_the_audit_log"),
    ]

    operations = [
        migrations.CreateModel(
            name="PendingFanout",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="pending_fanout",
                        serialize=False,
                        to="webhooks.event",
                    ),
                ),
                ("subscriptions", models.BinaryField()),
                ("about", models.UUIDField(blank=True, null=True)),
                ("written", models.PositiveIntegerField(default=0)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=300)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="webhooks.partner",
                    ),
                ),
            ],
            options={
                "verbose_name": "unfinished fan-out",
                "indexes": [
                    models.Index(
                        fields=["partner", "event"], name="pending_fanout_turn"
                    )
                ],
            },
        ),
    ]
