"""Makes the sample: a partner with a key and a subscription for each dialect."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webhooks.management import addresses, sample, sample_requests


class Command(BaseCommand):
    help = "Make the sample partner, its keys and subscriptions; print requests to try."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--web",
            type=addresses.address,
            default=addresses.Address("127.0.0.1", 8000),
            metavar="HOST:PORT",
            help="where the portal is served (default: %(default)s)",
        )
        parser.add_argument(
            "--receiver",
            type=addresses.address,
            default=addresses.Address("127.0.0.1", 8001),
            metavar="HOST:PORT",
            help="where the sample receiver listens (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        receiver = options["receiver"].url
        try:
            account = sample.ensure(receiver=receiver)
        except sample.NotInProduction:
            raise CommandError("The sample is for development: DEBUG=true.") from None
        for request in sample_requests.all_of(account, receiver=receiver):
            line = request.curl(options["web"].url)
            self.stdout.write(f"# {request.label}\n{line}\n")
        self.stdout.write(f"# These keys are kept in {sample.key_file()}")
