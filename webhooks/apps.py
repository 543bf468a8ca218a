"""Wiring: the rooms below are handed here what they must not import."""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class WebhooksConfig(AppConfig):
    name = "webhooks"
    verbose_name = "Webhook Portal"

    def ready(self) -> None:
        from webhooks import dialects
        from webhooks.delivery import chores, incidents, standard, wire
        from webhooks.operations import incidents as news
        from webhooks.operations import notices, pruning, recoveries, repeats
        from webhooks.rest import desks

        wire.register(standard.PROFILE)
        for dialect in dialects.DIALECTS:
            wire.register(dialect.profile)
            desks.register(dialect.slug, dialect.desk)
        desks.register("portal", _portal_desk)
        incidents.listen(news.tell)
        chores.register(notices.CHORE)
        chores.register(pruning.CHORE)
        chores.register(recoveries.CHORE)
        chores.register(repeats.CHORE)
        post_migrate.connect(_fill_catalogue, sender=self)


def _portal_desk() -> Any:
    from webhooks.api import desk

    return desk.DESK


def _fill_catalogue(using: str, apps: Any = apps, **_: object) -> None:
    """As Django itself adds the permissions of new models after every migration."""
    try:
        model = apps.get_model("webhooks", "EventType")
    except LookupError:
        return  # migrated back to before there was a catalogue
    from webhooks.operations import event_types

    event_types.fill_catalogue(using=using, model=model)
