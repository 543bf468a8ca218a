"""Registers dialects and their wire profiles, so that lower packages need not import them."""

from collections.abc import Sequence
from importlib.util import find_spec
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
        checks.register(_check_packages)
        post_migrate.connect(_fill_catalogue, sender=self)


def _check_interfaces(**options: Any) -> list[checks.CheckMessage]:
    """Loads their forms, too, which otherwise the first page that shows one would."""
    from webhooks.rest import interfaces, routing

    for interface in interfaces.all():
        _ = interface.form
    return routing.check()


# The beginning of a setting's name -> the module that reads such settings. The longest counts.
_READ_BY = {
    "AXES_": "axes",
    "AXES_IPWARE_": "ipware",
    "AXES_META_": "ipware",
    "AXES_PROXY_": "ipware",
    "CONTENT_SECURITY_POLICY": "csp",
    "CORS_": "corsheaders",
    "CSP_": "csp",
    "IPWARE_": "ipware",
    "OTP_": "django_otp",
    "RATELIMIT_": "django_ratelimit",
    "REST_FRAMEWORK": "rest_framework",
    "SPECTACULAR_": "drf_spectacular",
    "UNFOLD": "unfold",
    "WHITENOISE_": "whitenoise",
}


def _check_packages(**_: Any) -> list[checks.CheckMessage]:
    """A setting that no installed package reads does nothing, where somebody relies on it."""
    found: list[checks.CheckMessage] = []
    is_set = settings.is_overridden  # type: ignore[misc] # the stubs do not know it
    for name in sorted(filter(is_set, {*dir(settings)})):
        prefix = max(filter(name.startswith, _READ_BY), key=len, default="")
        if prefix and find_spec(_READ_BY[prefix]) is None:
            found.append(
                checks.Error(
                    f"{name} is set, and the package that reads it is not installed.",
                    hint=f"Install the package with the module {_READ_BY[prefix]}, or "
                    "remove the setting.",
                    id="webhooks.E004",
                )
            )
    return found


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
