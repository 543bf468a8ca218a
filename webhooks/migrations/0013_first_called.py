from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def from_statistics(apps, schema_editor):
    """As far back as statistics are kept. What they have forgotten counts as never
    called, until its next attempt."""
    using = schema_editor.connection.alias
    Endpoint = apps.get_model("webhooks", "Endpoint")
    EndpointHour = apps.get_model("webhooks", "EndpointHour")
    first = (
        EndpointHour.objects.filter(endpoint=OuterRef("id"))
        .order_by("hour")
        .values("hour")[:1]
    )
    Endpoint.objects.using(using).update(first_called_at=Subquery(first))


class Migration(migrations.Migration):

    dependencies = [
        ('webhooks', '0012_console_orders'),
    ]

    operations = [
        migrations.AddField(
            model_name='endpoint',
            name='first_called_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='state',
            field=models.CharField(choices=[('pending', 'Pending'), ('delivered', 'Delivered'), ('exhausted', 'Exhausted'), ('cancelled', 'Cancelled'), ('not_sent', 'Not sent')], max_length=10),
        ),
        migrations.RunPython(from_statistics, migrations.RunPython.noop),
    ]
