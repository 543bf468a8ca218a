from django.db import migrations, models

SHOP_PREFIX = "shop:"


def bind_to_the_shops_of_their_keys(apps, schema_editor):
    """What a dialect keeps for a key that is bound to a shop receives that shop's events
    only. Before, it received those of every shop."""
    using = schema_editor.connection.alias
    subscriptions = apps.get_model("webhooks", "Subscription").objects.using(using)
    for row in subscriptions.filter(shop_id="", api_key__isnull=False).select_related(
        "api_key"
    ):
        shops = [s for s in row.api_key.scopes if s.startswith(SHOP_PREFIX)]
        if shops:
            row.shop_id = shops[0].removeprefix(SHOP_PREFIX)
            row.save(update_fields=["shop_id"])


class Migration(migrations.Migration):

    dependencies = [
        ('webhooks', '0013_first_called'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='subscription',
            name='subscription_one_singleton_per_partner',
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at', None), ('is_singleton', True)), fields=('partner', 'dialect', 'shop_id'), name='subscription_one_singleton_per_shop'),
        ),
        migrations.RunPython(
            bind_to_the_shops_of_their_keys, migrations.RunPython.noop
        ),
    ]
