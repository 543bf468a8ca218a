"""`manage.py deliver`: the delivery worker."""

import asyncio
import gc
import logging
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from webhooks.delivery import backends
from webhooks.delivery.worker import Worker
from webhooks.management import starting
from webhooks.management.arguments import positive
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
        "Sends due deliveries, as many processes at once as you like, until SIGTERM. "
        "What is under way is then finished or given back."
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
            type=positive,
            default=CONCURRENCY,
            help="requests under way at once (default: %(default)s)",
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
        starting.begin(self.stdout, verbosity=options["verbosity"])
        connections.close_all()  # the worker's threads have their own
        _tune()
        asyncio.run(_run(**options))


def make_worker(
    backend: str = "local", *, concurrency: int, until_idle: bool = False
) -> Worker:
    """A worker with all that the rooms above delivery hand to it."""
    return Worker(
        backends.BACKENDS[backend],
        notify=endpoint_notifications.write,
        periodic_tasks=PERIODIC_TASKS,
        concurrency=concurrency,
        until_idle=until_idle,
    )


def _tune() -> None:
    """For a process that makes thousands of short-lived objects a second beside the many
    that it started with: measured, a seventh of its time (docs/benchmarks.md)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    # Threads of the database wait less long for the event loop to let them in.
    sys.setswitchinterval(0.001)


async def _run(
    *, backend: str, concurrency: int, until_idle: bool, **_: object
) -> None:
    worker = make_worker(backend, concurrency=concurrency, until_idle=until_idle)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    logger.info("Delivering by %s, %d requests at once.", backend, concurrency)
    await worker.run()
    logger.info("Done delivering.")
