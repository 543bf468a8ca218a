"""Recoveries: bulk replays."""

from collections.abc import Sequence
from typing import Self

from django.db import models
from django.db.models import F, Q

from .ids import time_ordered
from .partners import Partner
from .subscriptions import Subscription


class RecoveryQuerySet(models.QuerySet["Recovery"]):
    def within(self, shops: Sequence[str]) -> Self:
        """Those of one subscription of these shops; with no shops, all."""
        if not shops:
            return self
        found = Subscription.objects.within(shops).filter(
            partner__in=self.order_by().values("partner")
        )
        ids = [str(id) for id in found.values_list("id", flat=True)]
        return self.filter(filter__subscription__in=ids)


class Recovery(models.Model):
    """A bulk replay: its filter, and its progress."""

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

    objects = RecoveryQuerySet.as_manager()

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
