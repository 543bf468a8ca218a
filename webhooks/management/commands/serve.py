"""The production web server: Granian over the project's WSGI application."""

import copy
import os
import signal
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.module_loading import import_string

from webhooks.management import addresses, ends_with_parent, starting

# Python runs one thread of a process at a time, so more threads would add no speed, only
# database connections: each thread keeps one of its own (workers x threads in all).
THREADS = 4
# Connections a worker holds open at once; an idle keep-alive connection counts.
CONNECTIONS = 512
STOP_TIMEOUT = 10  # seconds that running requests have to end


def load(target: str) -> Callable[..., Any]:
    """The WSGI application; called in each worker, before Granian listens for signals."""
    # The fork inherits the server's signal handlers, which do nothing in a worker: a SIGTERM
    # while it loads would be lost, and the worker killed after STOP_TIMEOUT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    ends_with_parent.watch(os.getppid())
    bound_waits(settings.DATABASES["default"])
    application: Callable[..., Any] = import_string(target)
    return application


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
            type=int,
            default=os.cpu_count() or 1,
            metavar="N",
            help="processes (default: one for each processor, here %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bind: addresses.Address = options["bind"]
        if error := addresses.listen_error(bind):
            raise CommandError(error)
        if settings.STATIC_ROOT and not Path(settings.STATIC_ROOT).is_dir():
            raise CommandError("Run `manage.py collectstatic --noinput` first.")
        starting.begin(self.stdout, verbosity=options["verbosity"])
        # Imported here: every other command starts without it.
        from granian import Granian
        from granian.constants import HTTPModes, Interfaces
        from granian.log import LogLevels

        server = Granian(
            settings.WSGI_APPLICATION,
            address=bind.host,
            port=bind.port,
            interface=Interfaces.WSGI,
            # HTTP/2 is the proxy's: its limits are far wider than a worker's memory.
            http=HTTPModes.http1,
            workers=options["workers"],
            blocking_threads=THREADS,
            # A thread that ends leaves its connection to the database open.
            blocking_threads_idle_timeout=600,
            backlog=1024,
            backpressure=CONNECTIONS,
            websockets=False,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_TIMEOUT,
            log_level=LogLevels.warning,
            # A copy: Granian writes into what it is given.
            log_dictconfig=copy.deepcopy(settings.LOGGING),
        )
        self.stdout.write(f"Serving {bind.url} with {options['workers']} worker(s).")
        self.stdout.flush()
        # A connection opened before the fork would be shared by every worker.
        connections.close_all()
        server.serve(target_loader=load)
