"""`python -m tests.soak`: exit status 0 when every invariant held."""

import argparse
import os
import pickle
import random
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import django

from tests.environment import SETTINGS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], required=True)
    parser.add_argument("--backend", choices=["local", "celery"], default="local")
    parser.add_argument("--processes", type=int, default=1, help="of each `deliver`")
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    # Whoever ends it ends all that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    about = (
        f"{options.events} events on {options.database}, {options.backend} backend, "
        f"{options.processes} process(es) of a command, SEED={options.seed}"
    )
    print(f"{about}, logs in {folder}", flush=True)  # noqa: T201
    with ExitStack() as stack:
        cluster = broker = None
        url = f"sqlite:///{folder / 'portal.sqlite3'}"
        if options.database == "postgresql":
            from .cluster import Cluster

            cluster = stack.enter_context(Cluster())
            url = cluster.url
        if options.backend == "celery":
            from tests.redis_server import Redis

            broker = stack.enter_context(Redis(folder))
            os.environ["CELERY_BROKER_URL"] = broker.url
        os.environ |= {
            "DATABASE_URL": url,
            **SETTINGS,
            "DJANGO_SETTINGS_MODULE": "tests.soak.settings",
            "SOAK_NAME": "conductor",
            "PGAPPNAME": "conductor",
        }
        django.setup()
        from . import fleet, report, soak

        evidence, seconds = soak.run(
            folder,
            crew=fleet.crew(options.backend, options.processes),
            events=options.events,
            seed=options.seed,
            cluster=cluster,
            broker=broker,
        )
        # For whoever looks into a failure: the database is gone by then.
        (folder / "evidence.pickle").write_bytes(pickle.dumps(evidence))
        return report.show(evidence, seconds)


if __name__ == "__main__":
    sys.exit(main())
