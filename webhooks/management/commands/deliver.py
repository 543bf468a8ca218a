"""`manage.py deliver`: the delivery worker."""

import asyncio
import gc
import logging
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, connections

from webhooks.delivery import backends
from webhooks.delivery.periodic_tasks import ALONE, Turns
from webhooks.delivery.worker import Worker
from webhooks.management import arguments, cores, starting
from webhooks.management.supervisor import Begun, CannotBegin, Supervisor
from webhooks.operations import (
    endpoint_notifications,
    fanouts,
    idempotency,
    mails,
    pruning,
    recoveries,
    sessions,
)

logger = logging.getLogger(__name__)

CONCURRENCY = 200
STOP_SECONDS = 12.0
"""For what is under way, and the last writes; see `webhooks.delivery.worker.GRACE`."""

PERIODIC_TASKS = (
    fanouts.PERIODIC_TASK,
    idempotency.PERIODIC_TASK,
    mails.PERIODIC_TASK,
    pruning.PERIODIC_TASK,
    recoveries.PERIODIC_TASK,
    sessions.PERIODIC_TASK,
)


class Command(BaseCommand):
    help = (
        "Sends due deliveries until SIGTERM. What is under way is then finished or given "
        "back. It may run any number of times at once, on any number of hosts."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--until-idle",
            action="store_true",
            help="end when nothing is due and nothing under way; "
            "what waits for a later retry is left waiting",
        )
        parser.add_argument(
            "--concurrency",
            type=arguments.positive,
            default=CONCURRENCY,
            help="requests under way at once, in each process (default: %(default)s)",
        )
        parser.add_argument(
            "--processes",
            type=arguments.positive_or_auto,
            default=1,
            metavar="N",
            help="processes; of several, one that dies is replaced. auto: one for each core "
            "that this command may use; one on SQLite (default: %(default)s)",
        )
        parser.add_argument(
            "--backend",
            choices=backends.BACKENDS,
            default=settings.WEBHOOKS_BACKEND,
            help="where deliveries are sent from: this process, or Celery workers "
            "(default: %(default)s)",
        )

    def handle(self, **options: Any) -> None:
        try:
            backends.check(options["backend"])
        except backends.Unavailable as error:
            raise CommandError(str(error)) from error
        options["processes"] = _count(options["processes"])
        starting.begin(self.stdout, verbosity=options["verbosity"])
        connections.close_all()  # the worker's threads have their own
        _tune()
        if options["processes"] == 1:
            asyncio.run(_run(**options))
        else:
            _supervise(**options)


def make_worker(
    backend: str = "local",
    *,
    concurrency: int,
    until_idle: bool = False,
    turns: Turns = ALONE,
) -> Worker:
    """A worker with all that the rooms above delivery hand to it."""
    return Worker(
        backends.BACKENDS[backend],
        notify=endpoint_notifications.write,
        periodic_tasks=PERIODIC_TASKS,
        concurrency=concurrency,
        until_idle=until_idle,
        turns=turns,
    )


def _tune() -> None:
    """For a process that makes thousands of short-lived objects a second beside the many
    that it started with: measured, a seventh of its time (docs/benchmarks.md)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    # Threads of the database wait less long for the event loop to let them in.
    sys.setswitchinterval(0.001)


def _count(asked: int | str) -> int:
    """Of processes. Raises CommandError on SQLite, which takes one writer at a time."""
    is_sqlite = connection.vendor == "sqlite"
    if isinstance(asked, str):  # auto
        return 1 if is_sqlite else cores.usable()
    if asked > 1 and is_sqlite:
        raise CommandError(
            "On SQLite several processes deliver less than one: they wait for each other. "
            "Use --concurrency, or PostgreSQL."
        )
    return asked


def _supervise(*, processes: int, until_idle: bool, **options: Any) -> None:
    def work(number: int, begun: Begun) -> None:
        turns = Turns(number, processes)
        asyncio.run(_run(begun=begun, turns=turns, until_idle=until_idle, **options))

    logger.info("Delivering in %d processes.", processes)
    supervisor = Supervisor(
        processes,
        work,
        name="deliver",
        stop_seconds=STOP_SECONDS,
        until_done=until_idle,
    )
    try:
        supervisor.run()
    except CannotBegin as error:
        raise CommandError(str(error)) from error


async def _run(
    *,
    backend: str,
    concurrency: int,
    until_idle: bool,
    begun: Begun | None = None,
    turns: Turns = ALONE,
    **_: object,
) -> None:
    """With `begun` this is a process of several, and Ctrl-C is for their supervisor."""
    worker = make_worker(
        backend, concurrency=concurrency, until_idle=until_idle, turns=turns
    )
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, worker.stop)
    if begun is None:
        loop.add_signal_handler(signal.SIGINT, worker.stop)
    telling = loop.create_task(_tell(worker, begun))
    logger.info("Delivering by %s, %d requests at once.", backend, concurrency)
    try:
        await worker.run()
    finally:
        telling.cancel()
    logger.info("Done delivering.")


async def _tell(worker: Worker, begun: Begun | None) -> None:
    await worker.has_begun.wait()
    if begun is not None:
        begun()
