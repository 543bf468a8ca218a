"""Runs the sample receiver, which prints and shows every request."""

import signal
from argparse import ArgumentParser
from ipaddress import ip_address
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webhooks.management import addresses, receiver


class Command(BaseCommand):
    help = "Receive webhooks on this machine and check their signatures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--bind",
            type=addresses.address,
            default=addresses.Address("127.0.0.1", 8001),
            metavar="HOST:PORT",
            help="where to listen, a loopback address (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bind: addresses.Address = options["bind"]
        if not _is_loopback(bind.host):
            raise CommandError("The receiver shows payloads: loopback addresses only.")
        if error := addresses.listen_error(bind):
            raise CommandError(error)
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        with receiver.Server(bind.host, bind.port, on_arrival=self._print) as server:
            server.serve_forever()

    def _print(self, line: str) -> None:
        self.stdout.write(f"received  {line}")
        self.stdout.flush()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
