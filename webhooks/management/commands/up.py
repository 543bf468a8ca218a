"""`manage.py up`: runs the whole portal at once, with a sample. `make run` runs it."""

import http.client
import secrets
import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import Tags
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction

from webhooks.management import addresses, sample, sample_requests, starting
from webhooks.management.processes import Group
from webhooks.operations import people

USERNAME = "admin"  # of the first login, so that a new portal can be opened at all
START_TIMEOUT = 30.0  # seconds until the web must answer
LOOK = 0.1  # seconds between two looks at the processes


class Command(BaseCommand):
    help = "Migrate, make a login and sample data, and run web, worker and receiver."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--bind",
            type=addresses.address,
            default=addresses.Address("127.0.0.1", 8000),
            metavar="HOST:PORT",
            help="where the web listens (default: %(default)s)",
        )
        parser.add_argument(
            "--no-sample",
            action="store_true",
            help="no sample partner and no sample receiver",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        web: addresses.Address = options["bind"]
        with_sample = not options["no_sample"]
        if with_sample and not settings.DEVELOPMENT:
            raise CommandError(
                "This is production, where there is no sample: add --no-sample, or set DEBUG=true."
            )
        if error := addresses.listen_error(web):
            raise CommandError(f"{error} Choose another: make run PORT=8080")
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        self.stdout.write(starting.about())
        self.stdout.flush()
        password = self._prepare()
        with Group() as group:
            serve = ["serve", "--bind", str(web), "--workers", "1", "--verbosity=0"]
            group.start("web server", serve)
            group.start("delivery worker", ["deliver", "--verbosity=0"])
            requests: list[str] = []
            if with_sample:
                receiver = addresses.first_free("127.0.0.1", after=web.port)
                group.start("receiver", ["sample_receiver", "--bind", str(receiver)])
                requests = _sample(web, receiver)
            connections.close_all()
            _wait(web, group, stopping)
            if not stopping.is_set():
                self._print(web, password, requests)
            while not stopping.wait(LOOK):
                if ended := group.ended():
                    raise CommandError(f"{ended} Everything else is stopped too.")
            self.stdout.write("\nStopping.")
        self.stdout.write("Stopped. The data stays; start again to go on.")

    def _prepare(self) -> str | None:
        """Migrate, and make the first login; returns its password when it is new."""
        database = settings.DATABASES["default"]
        try:
            if database["ENGINE"] == "django.db.backends.sqlite3":
                folder = Path(database["NAME"]).parent
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.check(tags=[Tags.database], databases=[DEFAULT_DB_ALIAS])
            call_command("migrate", interactive=False, verbosity=0)
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        except DatabaseError as error:
            reason = starting.first_line(error)
            raise CommandError(f"The database cannot be used: {reason}") from error
        starting.check_keys()
        return _make_first_login()

    def _print(
        self, web: addresses.Address, password: str | None, requests: list[str]
    ) -> None:
        login = (
            f"log in as {USERNAME} with the password {password}\n"
            "              It is shown this once, and changed at the first login."
            if password
            else f"log in as before; forgotten: manage.py changepassword {USERNAME}"
        )
        self.stdout.write(
            f"\nThe portal is up at {web.url}\n"
            f"  Console     {web.url}/staff/\n"
            f"              {login}\n"
            f"  Documents   {web.url}/docs/\n"
        )
        for line in requests:
            self.stdout.write(line)
        self.stdout.write("\nCtrl-C stops everything.")
        self.stdout.flush()


def _make_first_login() -> str | None:
    """The password of the new login; None where there is a superuser already."""
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        user = users.create_superuser(username=USERNAME, password=password)
        people.require_own_password(user=user)
    return password


def _sample(web: addresses.Address, receiver: addresses.Address) -> list[str]:
    account = sample.ensure(receiver=receiver.url)
    return [
        f"  Receiver    {receiver.url}/   what arrives, and whether it verifies",
        "\nThings to try in another terminal. The sample's keys are kept in",
        f"{sample.key_file()}, for development only.",
        *(
            f"\n# {request.label}\n{request.curl(web.url)}"
            for request in sample_requests.all_of(account, receiver=receiver.url)
        ),
    ]


def _wait(web: addresses.Address, group: Group, stopping: threading.Event) -> None:
    """Wait until the web answers. Raises CommandError when a process ends, or it never does."""
    for _ in range(int(START_TIMEOUT / LOOK)):
        if stopping.is_set() or _answers(web):
            return
        if ended := group.ended():
            raise CommandError(f"{ended} Nothing is left running.")
        stopping.wait(LOOK)
    raise CommandError(f"The web did not answer within {START_TIMEOUT:.0f} seconds.")


def _answers(web: addresses.Address) -> bool:
    host = web.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
