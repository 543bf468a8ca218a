"""The same deliveries by what else a Django project could use, where `make peers` has
installed it: django-webhook2 on Celery and Redis, and a sender on Procrastinate.

Ours is all processes of the machine, once by themselves and once behind Celery. All take
turns, twice, in an order that reads the same backwards.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import mean

from . import brokers, machine, side_by_side
from .result import Result
from .side_by_side import Work

PYTHON = Path("build/peers/bin/python")
CORES = os.cpu_count() or 1
DELIVERIES = 20_000  # of ours
CELERY = ("-m", "celery", "-A", "portal", "worker", "-l", "ERROR")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")
# Options of django-webhook2's Celery worker. The fastest of them on this machine counts.
SETTINGS = (
    ("--concurrency=8",),
    ("--concurrency=8", "--prefetch-multiplier=16"),
    ("--pool=threads", "--concurrency=8"),
    ("--pool=threads", "--concurrency=32"),
)
TRIED = 200  # deliveries with each of them


def run() -> Iterator[Result]:
    if not PYTHON.exists():
        print("peers: not installed; see `make peers`")
        return
    tried = {s: _theirs("django_webhook2", TRIED, s) for s in SETTINGS}
    best = max(SETTINGS, key=tried.__getitem__)
    ours: dict[str, Callable[[], float]] = {
        "all processes": _ours,
        "--backend celery, Redis": partial(_behind_celery, brokers.redis),
        "--backend celery, RabbitMQ": partial(_behind_celery, brokers.rabbitmq),
    }
    theirs: dict[str, Callable[[], float]] = {
        "django-webhook2 on Celery": partial(_theirs, "django_webhook2", 500, best),
        "Procrastinate": partial(_theirs, "procrastinate", 3_000, (str(CORES),)),
    }
    all_of_them = [*(theirs | ours).items()]
    rates: dict[str, list[float]] = {name: [] for name, _ in all_of_them}
    for name, rate in [*all_of_them, *reversed(all_of_them)]:
        rates[name].append(rate())
    for of_ours, of_theirs, target, aim in (
        ("all processes", "django-webhook2 on Celery", 45.0, 60.0),
        ("all processes", "Procrastinate", 15.0, None),
        ("--backend celery, Redis", "django-webhook2 on Celery", 10.0, 20.0),
        ("--backend celery, RabbitMQ", "django-webhook2 on Celery", 10.0, 20.0),
    ):
        mine, other = mean(rates[of_ours]), mean(rates[of_theirs])
        yield Result(
            what=f"deliveries/s, {of_ours}, PostgreSQL / {of_theirs}",
            measured=mine / other,
            target=target,
            aim=aim,
            detail=f"{mine:,.0f}/s against {other:,.0f}/s"
            + (f" with {' '.join(best)}" if "Celery" in of_theirs else ""),
        )


def _ours() -> float:
    with machine.receiver("sink") as url, machine.postgresql() as environment:
        command = ("deliver", "--until-idle", "--processes=auto")
        ours, _ = side_by_side.rates(url, environment, Work(DELIVERIES), {}, command)
    return ours


def _behind_celery(
    broker: Callable[[], AbstractContextManager[brokers.Broker]],
) -> float:
    with (
        broker() as used,
        machine.receiver("sink") as url,
        machine.postgresql() as portal,
    ):
        environment = dict(portal) | {
            "CELERY_BROKER_URL": used.url,
            "CELERY_QUEUE": used.queue,
            "PYTHONWARNINGS": "ignore",  # Celery's, where root starts it
        }
        with machine.started(environment, *CELERY, *QUIET, f"--concurrency={CORES}"):
            command = (*side_by_side.DELIVER, "--backend=celery")
            work = Work(DELIVERIES)
            ours, _ = side_by_side.rates(url, environment, work, {}, command)
    return ours


def _theirs(name: str, count: int, options: tuple[str, ...]) -> float:
    with (
        machine.receiver("sink") as url,
        machine.database() as database,
        brokers.redis() as broker,
    ):
        environment = os.environ | {
            "PEER_DATABASE_URL": database,
            "PEER_BROKER_URL": broker.url,
            "PYTHONWARNINGS": "ignore",
        }
        with subprocess.Popen(
            [PYTHON, "-m", f"benchmarks.peer_{name}", url, str(count), *options],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                printed, _ = process.communicate(timeout=machine.TIME_LIMIT)
            except BaseException:
                # Its workers, too.
                os.killpg(process.pid, signal.SIGKILL)
                raise
    assert process.returncode == 0, name
    return float(json.loads(printed))
