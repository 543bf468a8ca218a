"""The authenticator app of a staff member, and recovery codes."""

import re
from datetime import datetime
from typing import Any

from django.db import models
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from . import encryption

_CODE = re.compile(r"[0-9]{6}")
_TOLERANCE = 1  # steps of 30 s that a phone's clock may be off, either way
_MOST_COUNTED = 11  # failures: the next try is 2^10 s away, 17 minutes, and never more


class Authenticator(ThrottlingMixin, Device):
    """The app on somebody's phone (TOTP, RFC 6238). Not asked for before it is confirmed.

    django-otp's own device keeps its key as it is; here it is encrypted.
    """

    SEALED = "sealed"

    # Base32, as apps take it.
    sealed = models.TextField(editable=False)
    # How far the phone's clock was off when it was last asked.
    drift = models.SmallIntegerField(default=0, db_default=0)
    # The step of the last code that was accepted; none is accepted twice.
    last_step = models.BigIntegerField(default=-1, db_default=-1)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()  # each has their own, and nobody another's
        constraints = [
            models.UniqueConstraint(fields=["user"], name="authenticator_one_each"),
        ]

    def seal(self, key: str) -> None:
        self.sealed = encryption.encrypt(key, row=self._row)

    def reveal(self) -> str:
        """The key in base32; raises encryption.Undecryptable."""
        return encryption.decrypt(self.sealed, row=self._row)

    def accepts(self, code: str, *, at: datetime, key: bytes) -> bool:
        """Whether `code` is good at `at`; if so it is spent, which the caller saves."""
        if not _CODE.fullmatch(code):
            return False
        expected = TOTP(key, drift=self.drift)
        expected.time = at.timestamp()
        if not expected.verify(int(code), _TOLERANCE, self.last_step + 1):
            return False
        self.last_step, self.drift = expected.t(), expected.drift
        return True

    def get_throttle_factor(self) -> int:
        return 1  # second after the first wrong code; doubled by each further one

    def throttle_increment(self, commit: bool = True) -> Any:
        """Guessing stays hopeless at four tries an hour; its victim is not shut out for days."""
        super().throttle_increment(commit=False)  # type: ignore[no-untyped-call]
        self.throttling_failure_count = min(
            self.throttling_failure_count, _MOST_COUNTED
        )
        if commit:
            self.save()

    @property
    def _row(self) -> str:
        return f"authenticator:{self.user_id}"


class RecoveryCode(models.Model):
    """A code that stands once for an authenticator that is lost; its digest only."""

    authenticator = models.ForeignKey(
        Authenticator, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"recovery code {self.pk}"
