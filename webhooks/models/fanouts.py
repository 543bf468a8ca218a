"""Events whose deliveries are not all written yet."""

from collections.abc import Iterable, Sequence
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .events import Event
from .partners import Partner

ID_SIZE = 16  # bytes


class PendingFanoutQuerySet(models.QuerySet["PendingFanout"]):
    def stuck(self) -> Self:
        return self.filter(failures__gte=PendingFanout.STUCK_AFTER)

    def going_on(self) -> Self:
        return self.filter(failures__lt=PendingFanout.STUCK_AFTER)

    def due(self) -> Self:
        """Those of which a piece may be written now."""
        return self.filter(Q(due_at=None) | Q(due_at__lte=Now()))


class PendingFanout(models.Model):
    """The rest of an event's fan-out: the matching subscriptions that it has no delivery
    for yet.

    It is written with the event. Workers write the deliveries in pieces: a transaction
    writes those of some subscriptions and takes these from the row, and the last one
    deletes it. So the row and the deliveries together are always the whole fan-out.
    """

    STUCK_AFTER = 5
    """Pieces that failed in a row until it is shown to people, and delays no other event
    of its partner any longer."""

    event = models.OneToOneField(
        Event,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="pending_fanout",
    )
    partner = models.ForeignKey(
        Partner,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # that of `pending_fanout_turn`
    )
    # The ids of those subscriptions, 16 bytes each.
    subscriptions = models.BinaryField()
    # The endpoint that the event is about: it is not sent the event.
    about = models.UUIDField(null=True, blank=True)
    # The number of deliveries that are written. Their ids are made of it.
    written = models.PositiveIntegerField(default=0)
    # Pieces in a row of which nothing could be written, the last error, and the time of the
    # next try; null = now.
    failures = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)

    objects = PendingFanoutQuerySet.as_manager()

    class Meta:
        verbose_name = "unfinished fan-out"
        indexes = [
            # Partners take turns, and each has its events in their order.
            models.Index(fields=["partner", "event"], name="pending_fanout_turn"),
        ]

    def __str__(self) -> str:
        return f"fan-out of {self.event_id}"

    @property
    def remaining(self) -> int:
        """The number of subscriptions that have no delivery yet."""
        return len(self.subscriptions) // ID_SIZE

    @property
    def is_stuck(self) -> bool:
        """`stuck` selects rows by the same rule."""
        return self.failures >= self.STUCK_AFTER

    def first(self, count: int) -> list[UUID]:
        """The ids of the next subscriptions."""
        ids = bytes(self.subscriptions[: count * ID_SIZE])
        return [UUID(bytes=ids[i : i + ID_SIZE]) for i in range(0, len(ids), ID_SIZE)]

    def take(self, count: int, *, and_put_last: Sequence[UUID] = ()) -> None:
        """Take the first `count` subscriptions away; put those that failed at the end."""
        rest = bytes(self.subscriptions[count * ID_SIZE :])
        self.subscriptions = rest + packed(and_put_last)

    def has(self, subscription: UUID) -> bool:
        return subscription in self.first(self.remaining)


def packed(ids: Iterable[UUID]) -> bytes:
    """Ids of subscriptions as a row keeps them."""
    return b"".join(id.bytes for id in ids)
