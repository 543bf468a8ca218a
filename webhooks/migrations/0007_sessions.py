"""Where staff are logged in, who has a password that somebody else knows, and the permission to
end the sessions of others, which Managers get."""

from typing import Any

import django.db.models.deletion

import webhooks.models.ids
from django.conf import settings
from django.db import migrations, models


def grant(apps: Any, schema_editor: Any) -> None:
    """To the role Manager, where there still is one."""
    using = schema_editor.connection.alias
    types = apps.get_model("contenttypes", "ContentType").objects.using(using)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    kind, _ = types.get_or_create(app_label="webhooks", model="staffsession")
    permission, _ = permissions.get_or_create(
        content_type=kind,
        codename="end_session",
        defaults={"name": "Can see and end the sessions of others"},
    )
    groups = apps.get_model("auth", "Group").objects.using(using)
    for manager in groups.filter(name="Manager"):
        manager.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('webhooks', '0006_pending_fanouts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='InitialPassword',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='initial_password', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('fingerprint', models.CharField(max_length=64)),
                ('set_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='StaffSession',
            fields=[
                ('id', models.UUIDField(default=webhooks.models.ids.time_ordered, editable=False, primary_key=True, serialize=False)),
                ('user_agent', models.CharField(blank=True, max_length=200)),
                ('address', models.GenericIPAddressField(blank=True, null=True)),
                ('started_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='staff_sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'permissions': [('end_session', 'Can see and end the sessions of others')],
                'default_permissions': (),
            },
        ),
        migrations.RunPython(grant, migrations.RunPython.noop, elidable=False),
    ]
