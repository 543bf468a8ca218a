"""The sign of life that workers leave in the database, for whoever watches them.

By the database's clock: hosts that disagree about the time agree about this.
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
"""Some beats may be late: a database that restarts or a busy host is no dead worker."""

FORGOTTEN_AFTER = timedelta(days=1)

SENDER = "celery sender"
"""The backend of who sends what a worker with the Celery backend claims."""


@dataclass(frozen=True, slots=True)
class Standing:
    registered: int
    """Workers that started and did not end as they should."""
    alive: int
    last_seen: datetime | None
    claims_for_senders: bool = False
    """A worker that is alive only claims, and others send."""
    senders: int = 0
    """Of the registered, those that send for such a worker."""
    senders_alive: int = 0

    @property
    def is_silent(self) -> bool:
        """There should be somebody who sends, and nobody has been heard of."""
        if self.claims_for_senders and self.senders:
            return self.senders_alive == 0
        return self.registered > 0 and self.alive == 0


def beat(worker_id: UUID, backend: str) -> None:
    """The worker is there; to be called at its start and then every `INTERVAL`.

    It is also who forgets the dead, after a day: while no worker beats, the last of them
    stay, so that their silence never passes for a portal that has no workers.
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
    """The worker ends, and is not missed."""
    Worker.objects.filter(id=worker_id).delete()


def standing() -> Standing:
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
    return Standing(
        found["registered"],
        found["alive"],
        last_seen.astimezone(UTC) if last_seen else None,
        claims_for_senders=found["claiming"] > 0,
        senders=found["senders"],
        senders_alive=found["senders_alive"],
    )
