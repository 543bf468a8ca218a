"""Events as they were published, and the catalogue of their types."""

from django.db import models
from django.db.models import Q

from . import lossless_json
from .ids import time_ordered
from .partners import Partner


class EventType(models.Model):
    """A kind of event the company publishes, under its canonical name."""

    name = models.CharField(max_length=128, primary_key=True)
    description = models.TextField(blank=True)
    # A JSON Schema that the data of such events must satisfy; null = anything.
    schema = models.JSONField(decoder=lossless_json.Decoder, null=True, blank=True)
    example = models.JSONField(decoder=lossless_json.Decoder, default=dict, blank=True)

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """Something that happened at a partner, published once."""

    # The attribute of one that did not happen: the id of the subscription it tests.
    TEST_OF = "test_of"

    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    partner = models.ForeignKey(
        Partner,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # that of `event_partner`
    )
    type = models.CharField(max_length=128)
    data = models.JSONField(decoder=lossless_json.Decoder)
    # What narrows its audience and is not part of the data, such as `shop_id`.
    attributes = models.JSONField(
        decoder=lossless_json.Decoder, default=dict, blank=True
    )
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null is outside the unique constraint
    # SHA-256 of the request that made it: tells a repeat from a key used twice.
    fingerprint = models.CharField(max_length=64, blank=True)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    matched = models.PositiveIntegerField(default=0)
    # Why it is unmatched; set exactly when `matched` is 0.
    unmatched_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="event_idempotency_key_unique",
            ),
            models.CheckConstraint(
                condition=(Q(matched=0) & ~Q(unmatched_reason=""))
                | Q(matched__gt=0, unmatched_reason=""),
                name="event_unmatched_with_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["partner", "-id"], name="event_partner"),
            # Unmatched events are searched for among all the others.
            models.Index(
                fields=["-id"], condition=Q(matched=0), name="event_unmatched"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
