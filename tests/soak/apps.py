"""The same engine with shorter waits, in every process of a soak.

Nothing but numbers is changed: what takes minutes takes a second, so that leases run out
and retries come round by the real clock while the soak watches, and no row is touched by
anybody but the portal. The profiles are two real ones under names of their own.
"""

import multiprocessing
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created

LEASE = 5.0
TIMEOUT = 1.5
MARGIN = 1.5
"""Seconds; what is claimed has two left to be sent in, or it is given back."""

RESERVATION = 3.0
"""Seconds, for what is handed to a broker."""

LONGEST_PAUSE = 0.5
"""Seconds between two tries while the database is away."""

WAITS = (0, *[1] * 11)
"""Receivers fail a delivery three times at most; the rest is for a machine that stalls."""

PIECE = 3
"""Deliveries of an event that are written with it. An event with more is written in pieces."""

STANDARD, TOPIIC = "soak-standard", "soak-topiic"

NAME = "SOAK_NAME"
"""The variable that names a process."""


class Soak(AppConfig):
    name = "tests.soak"

    def ready(self) -> None:
        from webhooks.delivery import database, health, outbox, standard, wire
        from webhooks.delivery.backends import local
        from webhooks.delivery.schedule import Schedule
        from webhooks.dialects.topiic import wire as topiic
        from webhooks.operations import fanouts

        for name, profile in (STANDARD, standard.PROFILE), (TOPIIC, topiic.PROFILE):
            schedule = Schedule(WAITS, jitter=0.2)
            wire.register(
                replace(profile, name=name, schedule=schedule, timeout=TIMEOUT)
            )
        health.FIRST_PAUSE = timedelta(seconds=0.5)
        health.LONGEST_PAUSE = timedelta(seconds=2)
        local.LEASE_MARGIN = MARGIN
        fanouts.PIECE = PIECE
        database.LONGEST_PAUSE = LONGEST_PAUSE
        local.LocalBackend.lease = LEASE
        defaults = outbox.begin.__kwdefaults__
        assert defaults is not None
        defaults["lease"] = LEASE
        if settings.CELERY_BROKER_URL:
            from webhooks.delivery.backends.celery import CeleryBackend

            CeleryBackend.lease = RESERVATION
        connection_created.connect(_tell_name)


def name_of(command: str, pid: int) -> str:
    """Of a process of a command that has several."""
    return f"{command}/{pid}"


def _tell_name(connection: Any, **_: object) -> None:
    """PostgreSQL knows which command is connected (PGAPPNAME), but not which process of it;
    SQLite has to be told."""
    name = os.environ.get(NAME, "")
    if connection.vendor == "sqlite":
        connection.connection.create_function("soak_actor", 0, lambda: name)
    elif multiprocessing.parent_process() is not None:
        with connection.cursor() as cursor:
            process = name_of(name, os.getpid())
            cursor.execute(
                "SELECT set_config('application_name', %s, false)", [process]
            )
