"""Mails that are waiting to be sent."""

from django.db import models
from django.db.models import Q

from .ids import time_ordered
from .partners import Partner


class Notice(models.Model):
    """A mail to a partner's contact: written with the change it reports, sent afterwards.

    In the transaction of the change, because a mail that is sent before the commit may
    tell of what never was, and one that is sent after it may be forgotten.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    # The template and its context.
    kind = models.CharField(max_length=40)
    context = models.JSONField(default=dict)
    to = models.EmailField()
    created_at = models.DateTimeField()
    # When it is tried next; null when it was sent, or failed at its last attempt.
    due_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(due_at__isnull=False),
                name="notice_due",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(due_at=None) | Q(sent_at=None), name="notice_sent_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"

    @property
    def status(self) -> Status:
        if self.sent_at is not None:
            return self.Status.SENT
        return self.Status.PENDING if self.due_at is not None else self.Status.FAILED
