"""The web server: `webhooks.server` over the project's WSGI application."""

import gc
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.module_loading import import_string

from webhooks.management import addresses, cores, starting
from webhooks.management.arguments import positive
from webhooks.management.supervisor import Begun, CannotBegin, Supervisor
from webhooks.rest import interfaces
from webhooks.server import limits, sockets
from webhooks.server.worker import Application, Worker

# Python runs one thread of a process at a time, so more threads would add no speed, only
# database connections: each thread keeps one of its own (workers x threads in all).
THREADS = 4
STOP_SECONDS = 10.0  # that running requests have to end
OTHER_FILES = 256  # open files of a worker that are no connections


def bound_waits(database: dict[str, Any]) -> None:
    """Let this process wait for its database no longer than the settings say.

    Workers and commands may wait longer, so it is not among the settings. On PostgreSQL it
    goes with the other options at the start of a connection: a SET would stay behind in a
    connection that a pool gives to a worker next. The options of DATABASE_URL come last,
    and win.
    """
    options = database.setdefault("OPTIONS", {})
    if database["ENGINE"] == "django.db.backends.sqlite3":
        options["timeout"] = settings.WEB_LOCK_TIMEOUT
        return
    given = options.get("options", "")
    options["options"] = (
        f"-c lock_timeout={settings.WEB_LOCK_TIMEOUT}s "
        f"-c statement_timeout={settings.WEB_STATEMENT_TIMEOUT}s {given}"
    )


class Command(BaseCommand):
    help = "Serve the web: the APIs, the console, the documents."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--bind",
            type=addresses.address,
            default=addresses.Address("127.0.0.1", 8000),
            metavar="HOST:PORT",
            help="where to listen (default: %(default)s)",
        )
        parser.add_argument(
            "--workers",
            type=positive,
            default=cores.usable(),
            metavar="N",
            help="processes (default: one for each core that it may use, here %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bind: addresses.Address = options["bind"]
        if error := addresses.listen_error(bind):
            raise CommandError(error)
        if settings.STATIC_ROOT and not Path(settings.STATIC_ROOT).is_dir():
            raise CommandError("Run `manage.py collectstatic --noinput` first.")
        starting.begin(self.stdout, verbosity=options["verbosity"])
        # Loaded once: workers are forks of this process, and share its memory.
        application = _application()
        listening = sockets.listen(*addresses.resolved(bind), options["workers"])
        self.stdout.write(f"Serving {bind.url} with {options['workers']} worker(s).")
        self.stdout.flush()
        # A connection opened before the fork would be shared by every worker.
        connections.close_all()
        gc.freeze()  # the collector would write into every page, and so copy it
        worker = Worker(application, _limits(), threads=THREADS)

        def work(number: int, begun: Begun) -> None:
            for other in {*listening} - {listening[number]}:
                other.close()
            bound_waits(settings.DATABASES["default"])
            worker.run(listening[number], begun=begun, stop_seconds=STOP_SECONDS)

        def close() -> None:
            for each in listening:
                each.close()

        supervisor = Supervisor(
            len(listening),
            work,
            name="web",
            stop_seconds=STOP_SECONDS,
            stopping=close,
        )
        try:
            supervisor.run()
        except CannotBegin as reason:
            raise CommandError(str(reason)) from reason


def _application() -> Application:
    from webhooks.front import web_server

    return Application(
        wsgi=import_string(settings.WSGI_APPLICATION),
        longest_body=web_server.longest_body,
        refuse=web_server.refuse,
        underscored=frozenset(
            name.encode()
            for interface in interfaces.all()
            for name in interface.underscored_headers
        ),
        credentials=frozenset(
            name.lower().encode()
            for interface in interfaces.all()
            for name in interface.key_headers
        )
        | {b"cookie"},
    )


def _limits() -> limits.Limits:
    files = sockets.most_open_files()
    return limits.Limits(
        connections=max(1, min(settings.WEB_CONNECTIONS, files - OTHER_FILES)),
        memory=settings.WEB_MEMORY * limits.MEBIBYTE,
        seconds=settings.WEB_REQUEST_SECONDS,
        idle=settings.WEB_IDLE_SECONDS,
        rate=settings.WEB_SLOWEST_RATE,
    )
