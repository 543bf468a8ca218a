"""Recovery codes from before 0.2: they have 79 random bits, where later ones have 118.

They stay good for a while after the upgrade, and their owners are told at every log-in. A digest does
not tell how long its code is: the code that is typed does, and the time when the set was made.
"""

from datetime import datetime, timedelta

from django.db.migrations.recorder import MigrationRecorder

from webhooks.models import AuditEntry, Authenticator

LENGTH = 16
GOOD_FOR = timedelta(days=90)
"""From the upgrade: who does not log in for so long and then has no phone asks a superuser."""

_FIRST_OF_0_2 = "0002_answers_of_forms"


def end() -> datetime | None:
    """When they stop being good; None where the database is not upgraded."""
    applied = MigrationRecorder.Migration.objects.filter(
        app="webhooks", name=_FIRST_OF_0_2
    )
    upgraded: datetime | None = applied.values_list("applied", flat=True).first()
    return upgraded and upgraded + GOOD_FOR


def good_until(authenticator: Authenticator) -> datetime | None:
    """The end of its codes, where they are such; None for later ones."""
    over = end()
    if over is None or authenticator.created_at >= over - GOOD_FOR:
        return None
    renewed = AuditEntry.objects.filter(
        target_type="user",
        target_id=str(authenticator.user_id),
        action="factor.codes_renewed",
        at__gte=over - GOOD_FOR,
    )
    return None if renewed.exists() else over
