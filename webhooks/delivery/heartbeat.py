"""Heartbeats: each worker writes one into the database every few seconds.

They carry the database's time, so that hosts whose clocks differ agree about them.
"""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from django.db.models import Count, Max, Q
from django.db.models.functions import Now

from webhooks.models import Worker

INTERVAL = 5.0
"""Seconds between two beats."""

SILENT_AFTER = timedelta(seconds=30)
"""Longer than some beats take, because a database that restarts or a busy host does not mean
that the worker is dead."""

FORGOTTEN_AFTER = timedelta(days=1)

SENDER = "celery sender"
"""The backend name of processes that send what a worker with the Celery backend claims."""


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Of all workers together."""

    registered: int
    """Workers that started and were not stopped properly since."""
    alive: int
    last_seen: datetime | None
    claims_for_senders: bool = False
    """A worker that is alive only claims, and Celery senders send."""
    senders: int = 0
    """Of the registered workers, those that are Celery senders."""
    senders_alive: int = 0

    @property
    def is_silent(self) -> bool:
        """Something should be sending, and no heartbeat of it is recent."""
        if self.claims_for_senders and self.senders:
            return self.senders_alive == 0
        return self.registered > 0 and self.alive == 0


def beat(worker_id: UUID, backend: str) -> None:
    """Write a worker's heartbeat; call it at its start and then every `INTERVAL`.

    It also deletes heartbeats older than a day. While no worker runs, nothing deletes the
    last ones, so dead workers are never mistaken for a portal without workers.
    """
    now = cast(datetime, Now())
    Worker.objects.bulk_create(
        [
            Worker(
                id=worker_id,
                host=platform.node()[:255],
                pid=os.getpid(),
                backend=backend,
                started_at=now,
                seen_at=now,
            )
        ],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["seen_at"],
    )
    Worker.objects.filter(seen_at__lt=Now() - FORGOTTEN_AFTER).delete()


def leave(worker_id: UUID) -> None:
    """Delete the heartbeat of a worker that ends."""
    Worker.objects.filter(id=worker_id).delete()


def status() -> WorkerStatus:
    """One statement over as many rows as there are workers."""
    alive = Q(seen_at__gte=Now() - SILENT_AFTER)
    found = Worker.objects.aggregate(
        registered=Count("id"),
        alive=Count("id", filter=alive),
        last_seen=Max("seen_at"),
        claiming=Count("id", filter=alive & Q(backend="celery")),
        senders=Count("id", filter=Q(backend=SENDER)),
        senders_alive=Count("id", filter=alive & Q(backend=SENDER)),
    )
    last_seen = found["last_seen"]
    return WorkerStatus(
        found["registered"],
        found["alive"],
        last_seen.astimezone(UTC) if last_seen else None,
        claims_for_senders=found["claiming"] > 0,
        senders=found["senders"],
        senders_alive=found["senders_alive"],
    )
