"""Stored responses for repeated requests."""

from django.db import models

from . import encryption
from .ids import time_ordered
from .partners import Partner


class Answer(models.Model):
    """The answer to a request that carried an idempotency key.

    Of an API it is what was answered, encrypted, because some answers show a secret for the
    only time. Of a form for staff it is where the form led, and there is no partner.
    """

    SEALED = "sealed"

    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    partner = models.ForeignKey(
        Partner,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        null=True,
    )
    key = models.CharField(max_length=255)
    # Keyed digest of the request: tells a repeat from a key used twice.
    fingerprint = models.CharField(max_length=64)
    sealed = models.TextField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "key"], name="answer_key_unique_per_partner"
            ),
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(partner=None),
                name="answer_key_unique_for_staff",
            ),
        ]

    def __str__(self) -> str:
        return f"answer {self.id}"

    def seal(self, text: str) -> None:
        self.sealed = encryption.encrypt(text, row=self._row)

    def reveal(self) -> str:
        """Raises encryption.Undecryptable."""
        return encryption.decrypt(self.sealed, row=self._row)

    @property
    def _row(self) -> str:
        return f"answer:{self.id}"
