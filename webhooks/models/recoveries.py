"""Bulk replays."""

from django.db import models
from django.db.models import F, Q

from .ids import time_ordered
from .partners import Partner


class Recovery(models.Model):
    """A bulk replay: what it was asked to replay, and how far it has come."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    partner = models.ForeignKey(
        Partner, on_delete=models.PROTECT, related_name="recoveries"
    )
    # What to replay, as webhooks.operations.recoveries reads it.
    filter = models.JSONField(default=dict)
    is_rerendered = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=10, choices=State.choices)
    total = models.PositiveIntegerField(default=0)
    # How many of them are queued again, and the last one that was looked at.
    done = models.PositiveIntegerField(default=0)
    cursor = models.UUIDField(null=True, blank=True)
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "recoveries"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["running", "done", "cancelled"]),
                name="recovery_state_known",
            ),
            models.CheckConstraint(
                condition=Q(done__lte=F("total")), name="recovery_done_within_total"
            ),
            models.CheckConstraint(
                condition=Q(state="running", finished_at=None)
                | Q(state__in=["done", "cancelled"], finished_at__isnull=False),
                name="recovery_finished_when_it_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} recovery {self.id}"
