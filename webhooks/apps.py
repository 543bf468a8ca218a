"""Registers dialects and their wire profiles, so that lower packages need not import them."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core import checks
from django.db import DatabaseError, connections
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
            labels.register_dialect_title(
                interface.title, interface.slug, interface.profile.name
            )
        checks.register(_check_interfaces, checks.Tags.urls)
        checks.register(_check_names_of_settings)
        checks.register(_check_tables, checks.Tags.database)
        checks.register(_check_keys, checks.Tags.database)
        post_migrate.connect(_fill_catalogue, sender=self)


def _check_interfaces(**options: Any) -> list[checks.CheckMessage]:
    """Loads their forms, too, which otherwise the first page that shows one would."""
    from webhooks.rest import interfaces, routing

    for interface in interfaces.all():
        _ = interface.form
    return routing.check()


def _check_tables(
    databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Asked by `migrate`, before it begins, and by `up`."""
    from webhooks.models import prerelease

    return [
        checks.Error(
            "The tables are older than release 0.1.0, which cannot upgrade them.",
            hint="Migrate first with the commit before it: docs/running.md, Upgrading.",
            id="webhooks.E003",
        )
        for alias in databases or ()
        if prerelease.is_unfinished(connections[alias])
    ]


def _check_names_of_settings(**options: Any) -> list[checks.CheckMessage]:
    return [checks.Warning(w, id="webhooks.W001") for w in settings.SETTING_WARNINGS]


def _check_keys(
    databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Only warns: `migrate` asks, too, and works without them."""
    from webhooks.operations import missing_keys

    try:
        missing = missing_keys.found() if databases else []
    except DatabaseError:
        return []  # no tables yet, or no database
    return [checks.Warning(line, id="webhooks.W002") for line in missing]


def _fill_catalogue(using: str, apps: Any = apps, **_: object) -> None:
    """As Django itself adds the permissions of new models after every migration."""
    try:
        model = apps.get_model("webhooks", "EventType")
    except LookupError:
        return  # migrated back to before there was a catalogue
    from webhooks.operations import event_types

    event_types.fill_catalogue(using=using, model=model)
