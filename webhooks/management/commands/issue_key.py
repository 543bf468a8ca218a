"""Issues a key, for a partner or for a publisher."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from webhooks.models import Partner
from webhooks.operations import keys, limits, partners
from webhooks.operations.audit import SYSTEM

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def moment(text: str) -> datetime:
    """A time still to come: `90d`, `12h`, `30m`, or ISO 8601 (UTC without an offset)."""
    now = timezone.now()
    try:
        if text[-1:] in _UNITS and text[:-1].isdecimal():
            at = now + timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        else:
            parsed = parse_datetime(text)
            if parsed is None:
                raise ArgumentTypeError(f"{text!r} is neither like 90d nor a date.")
            at = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        raise ArgumentTypeError(f"{text!r} is no date.") from None
    if at <= now:
        raise ArgumentTypeError(f"{text!r} is past.")
    return at


class Command(BaseCommand):
    help = "Issue a key; it is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("partner", nargs="?", metavar="PARTNER_NAME")
        parser.add_argument(
            "--publisher",
            action="store_true",
            help="a key that publishes events, for no partner",
        )
        parser.add_argument(
            "--create", action="store_true", help="create the partner if there is none"
        )
        parser.add_argument("--name", default="", help="what the key is called")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            metavar="S",
            help="what it may do; repeatable (default: everything its kind may do)",
        )
        parser.add_argument(
            "--expires",
            type=moment,
            metavar="WHEN",
            help="like 90d, 12h, or 2027-01-31T00:00:00Z (default: never)",
        )
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        partner = self._partner(**options)
        try:
            key, text = keys.issue(
                by=SYSTEM,
                partner=partner,
                name=options["name"],
                scopes=options["scope"],
                expires_at=options["expires"],
            )
        except (keys.UnknownScope, limits.LimitReached) as refused:
            raise CommandError(str(refused)) from None
        if options["json"]:
            line = {
                "partner_id": str(partner.id) if partner else None,
                "key_id": str(key.id),
                "prefix": key.prefix,
                "key": text,
            }
            self.stdout.write(json.dumps(line))
        else:
            owner = f"{partner.name} ({partner.id})" if partner else "a publisher"
            self.stdout.write(
                f"Key {key.prefix} for {owner}, shown this once:\n\n  {text}\n"
            )

    def _partner(
        self,
        *,
        partner: str | None,
        publisher: bool,
        create: bool,
        **_: Any,
    ) -> Partner | None:
        if publisher == bool(partner):
            raise CommandError("Give either a partner's name or --publisher.")
        if publisher:
            return None
        if found := Partner.objects.filter(name=partner).first():
            return found
        if not create:
            raise CommandError(f"There is no partner {partner!r}; --create makes one.")
        try:
            return partners.create(by=SYSTEM, name=str(partner))
        except partners.NameTaken:  # by another process, a moment ago
            return Partner.objects.get(name=partner)
