"""Where staff are logged in, and who must choose a password of their own."""

import hashlib

from django.contrib.auth.models import User
from django.db import models

from .ids import time_ordered


class StaffSession(models.Model):
    """A login of a member of staff, in one browser. Without its row a session is over.

    Django's own session holds the id of this row, and this row nothing of that session: who
    reads it can use nothing of it.
    """

    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="staff_sessions"
    )
    # As the browser says; anything may stand there.
    user_agent = models.CharField(max_length=200, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        permissions = [("end_session", "Can see and end the sessions of others")]

    def __str__(self) -> str:
        return f"session {self.id}"


class InitialPassword(models.Model):
    """Somebody else knows the password of `user`, who must change it, and soon."""

    user = models.OneToOneField(
        User,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="initial_password",
    )
    # Of the password's stored hash: however the password is changed, this row then counts
    # no more.
    fingerprint = models.CharField(max_length=64)
    set_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"initial password of {self.user_id}"

    @staticmethod
    def fingerprint_of(user: User) -> str:
        return hashlib.sha256(user.password.encode()).hexdigest()

    @property
    def is_of_now(self) -> bool:
        return self.fingerprint == self.fingerprint_of(self.user)
