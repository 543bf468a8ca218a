"""Wiring: the rooms below are handed here what they must not import."""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.core import checks
from django.db.models.signals import post_migrate


class ConsoleConfig(AdminConfig):
    """Django's admin on our own site."""

    default_site = "webhooks.console.site.Site"


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = "Webhook Portal"

    def ready(self) -> None:
        from webhooks.api import PORTAL
        from webhooks.console import labels
        from webhooks.delivery import wire
        from webhooks.dialects import DIALECTS
        from webhooks.rest import interfaces

        for interface in (*DIALECTS, PORTAL):
            interfaces.register(interface)
            wire.register(interface.profile)
            labels.name_dialect(interface.title, interface.slug, interface.profile.name)
        checks.register(_check_routing, checks.Tags.urls)
        post_migrate.connect(_fill_catalogue, sender=self)


def _check_routing(**_: Any) -> list[checks.CheckMessage]:
    from webhooks.rest import routing

    return routing.check()


def _fill_catalogue(using: str, apps: Any = apps, **_: object) -> None:
    """As Django itself adds the permissions of new models after every migration."""
    try:
        model = apps.get_model("webhooks", "EventType")
    except LookupError:
        return  # migrated back to before there was a catalogue
    from webhooks.operations import event_types

    event_types.fill_catalogue(using=using, model=model)
