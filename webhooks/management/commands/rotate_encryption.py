"""Re-encrypts whatever is encrypted with the first of ENCRYPTION_KEYS."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from webhooks.operations import reencryption
from webhooks.operations.audit import SYSTEM


class Command(BaseCommand):
    help = (
        "Re-encrypt signing secrets, answers that hold some, and the keys of second "
        "factors with the first key; may be run at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        moved = unreadable = 0
        for kind in reencryption.KINDS:
            after: UUID | int | None = None
            while True:
                batch = reencryption.next_batch(of=kind, by=SYSTEM, after=after)
                if batch.last is None:
                    break
                after = batch.last
                moved += batch.moved
                unreadable += batch.unreadable
        self.stdout.write(f"{moved} secrets re-encrypted.")
        if unreadable:
            raise CommandError(
                f"{unreadable} secrets are under no configured key; they were left."
            )
