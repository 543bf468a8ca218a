"""Audit entries: who changed which row, when, and how; and who logged in."""

from django.db import models

from .ids import time_ordered


class AuditEntry(models.Model):
    """One change. Append-only: the database refuses to alter a row.

    There are no foreign keys, by choice: an entry outlives what it speaks of, and a
    deleted partner must not take its history along.
    """

    class ActorKind(models.TextChoices):
        STAFF = "staff"
        KEY = "key"
        SYSTEM = "system"
        VISITOR = "visitor"  # nobody is logged in

    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    at = models.DateTimeField(db_index=True)
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=64, blank=True)
    actor = models.CharField(max_length=200)
    ip = models.GenericIPAddressField(null=True, blank=True)
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=32)
    target_id = models.CharField(max_length=64)
    target = models.CharField(max_length=300, blank=True)
    partner_id = models.UUIDField(null=True, blank=True)
    dialect = models.CharField(max_length=20, blank=True)
    # What changed, with secrets redacted. A creation has no before, a deletion no after.
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["partner_id", "-at"], name="audit_partner"),
            models.Index(fields=["target_type", "target_id"], name="audit_target"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"
