"""Removes the second factor of a member of staff who lost the phone and the recovery codes."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from webhooks.operations import secondfactor
from webhooks.operations.audit import SYSTEM


class Command(BaseCommand):
    help = "Remove a member of staff's second factor; the password stays. Audited."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no staff named {options['username']!r}.")
        try:
            secondfactor.reset(by=SYSTEM, user=user)
        except secondfactor.NotSetUp:
            raise CommandError(f"{user} has no second factor.") from None
        self.stdout.write(f"The second factor of {user} is removed.")
