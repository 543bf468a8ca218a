import django.db.models.deletion
from django.db import migrations, models


def switch_off_what_revoked_keys_left(apps, schema_editor):
    """No partner could: a revoked key's id is not found by any API."""
    using = schema_editor.connection.alias
    subscriptions = apps.get_model("webhooks", "Subscription").objects.using(using)
    subscriptions.filter(deleted_at=None, api_key__revoked_at__isnull=False).update(
        is_active=False
    )


class Migration(migrations.Migration):

    dependencies = [
        ('webhooks', '0014_singletons_per_shop'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='replaced_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='webhooks.apikey'),
        ),
        migrations.RunPython(
            switch_off_what_revoked_keys_left, migrations.RunPython.noop
        ),
    ]
