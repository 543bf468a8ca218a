"""The interface that the PostgreSQL and SQLite queue modules implement."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from django.db import connection

from webhooks.delivery.job import Settlement
from webhooks.models import Event

from . import postgresql, sqlite
from .new import NewDelivery
from .rows import Claimed, Recorded


class Engine(Protocol):
    """The packages `postgresql` and `sqlite`."""

    def claim(
        self,
        *,
        token: UUID,
        limit: int,
        most: int,
        full: Collection[UUID],
        lease: float,
        is_begun: bool,
    ) -> Claimed: ...

    def record(self, settlements: Sequence[Settlement], *, deleted: str) -> Recorded:
        """Write what became of deliveries; `deleted` is the reason given to a retry whose
        subscription was deleted. In the caller's transaction."""

    def write(self, events: Sequence[Event], deliveries: Sequence[NewDelivery]) -> None:
        """Insert them, and wake the endpoints of what is pending. In the caller's
        transaction."""

    def wake(self, endpoints: Collection[UUID]) -> None: ...

    def notify(self) -> None: ...

    def put_idle_endpoints_to_sleep(self) -> None: ...

    def reconcile(self) -> None: ...


def engine() -> Engine:
    """That of the connected database."""
    return postgresql if connection.vendor == "postgresql" else sqlite
