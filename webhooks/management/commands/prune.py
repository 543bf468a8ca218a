"""`manage.py prune`: deletes rows whose retention has ended."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from webhooks.management.arguments import positive
from webhooks.operations import pruning, retention


class Command(BaseCommand):
    help = (
        "Delete what is kept no longer, as WEBHOOKS_RETENTION_… say. Workers do so every "
        "hour; it may be run beside them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="count, and delete nothing"
        )
        parser.add_argument(
            "--batch-size",
            type=positive,
            default=pruning.BATCH,
            help="events in one transaction (default: %(default)s)",
        )

    def handle(self, **options: Any) -> None:
        total: pruning.Counts = Counter()
        for counts in pruning.walk(
            rules=retention.rules(),
            size=options["batch_size"],
            is_dry_run=options["dry_run"],
        ):
            total.update(counts)
        verb = "would be deleted" if options["dry_run"] else "deleted"
        self.stdout.write(f"{pruning.in_words(total) or 'Nothing'} {verb}.")
