"""A broker, a claimer and Celery workers: real processes on the test database."""

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import connection
from django.utils import timezone

from tests.waiting import PATIENCE
from webhooks.delivery import outbox
from webhooks.models import Delivery

BIN = Path(sys.executable).parent


def states() -> Counter[str]:
    return Counter(Delivery.objects.values_list("state", flat=True))


def reserved() -> Any:
    return Delivery.objects.filter(claim_token__isnull=False, is_begun=False)


def begun() -> Any:
    return Delivery.objects.filter(is_begun=True)


def run_out(claimed: Any) -> None:
    """The leases of these deliveries are over."""
    claimed.update(due_at=timezone.now() - timedelta(seconds=1))
    outbox.reconcile()


def database_url() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format_map(database)


class Process:
    """A context manager; what it logs is in `log`. Leaving kills it."""

    def __init__(self, *command: str, log: Path, broker: str, **more: str) -> None:
        self._log = log
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "WEBHOOKS_EGRESS_ALLOW": "127.0.0.0/8",
            "CELERY_BROKER_URL": broker,
        }
        with log.open("a") as out:
            self.process = subprocess.Popen(
                command,
                cwd=settings.BASE_DIR,
                env=environment | more,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def children(self) -> list[int]:
        pid = self.process.pid
        try:
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except OSError:  # it has ended
            return []
        return [int(child) for child in text.split()]

    def ended(self, seconds: float = PATIENCE) -> None:
        """It must end with 0. Celery's pool may take 30 seconds when it is told to end
        at the very moment of an acknowledgement."""
        assert self.process.wait(seconds) == 0, self.log
        assert "Traceback" not in self.log, self.log

    def stop(self) -> None:
        self.process.terminate()
        self.ended()


class Cluster:
    """Starts processes against one broker."""

    def __init__(self, broker: str, folder: Path, **environment: str) -> None:
        self._broker = broker
        self._folder = folder
        self._environment = environment
        self._started = 0

    def claimer(self, *options: str) -> Process:
        command = [sys.executable, "manage.py", "deliver", "--backend=celery"]
        return self._process(*command, *options)

    def worker(self, *options: str) -> Process:
        command = [str(BIN / "celery"), "-A", "portal", "worker", "--concurrency=1"]
        quick = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        return self._process(*command, *quick, *options, PYTHONWARNINGS="ignore")

    def _process(self, *command: str, **more: str) -> Process:
        self._started += 1
        log = self._folder / f"{self._started}.log"
        return Process(
            *command, log=log, broker=self._broker, **(self._environment | more)
        )
