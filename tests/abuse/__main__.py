"""`python -m tests.abuse`: exit status 0 when nobody could stop the portal for others."""
# ruff: noqa: T201

import argparse
import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import django

from tests.environment import SETTINGS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.abuse")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], required=True)
    parser.add_argument("--seconds", type=float, default=30, help="of each phase")
    parser.add_argument(
        "--sockets", type=int, default=1000, help="held of each half-sent form"
    )
    parser.add_argument(
        "--most",
        type=float,
        default=2,
        help="times that a healthy request may take longer",
    )
    parser.add_argument("--only", nargs="*", default=[], help="names of attacks")
    options = parser.parse_args()
    # Whoever ends it ends all that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="abuse-"))
    print(
        f"{options.seconds:.0f} s on {options.database}, {options.sockets} connections of "
        f"each kind, logs in {folder}",
        flush=True,
    )
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'portal.sqlite3'}"
        if options.database == "postgresql":
            from tests.soak.cluster import Cluster

            url = stack.enter_context(Cluster()).url
        os.environ |= {
            "DATABASE_URL": url,
            **SETTINGS,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "WEBHOOKS_EGRESS_ALLOW": "127.0.0.0/8",
        }
        django.setup()
        from . import abuse

        evidence = abuse.run(
            folder,
            url=url,
            seconds=options.seconds,
            sockets=options.sockets,
            only=options.only,
        )
    print(f"  {'':26} {'before':>10} {'during':>10}")
    for kind, before, during in evidence.percentiles():
        print(f"  p99 of {kind:19} {before * 1000:7.0f} ms {during * 1000:7.0f} ms")
    for name, counts in evidence.statuses.items():
        told = ", ".join(f"{count} x {status}" for status, count in counts.items())
        print(f"  {name:26} {told}")
    faults = list(evidence.faults(most=options.most))
    for fault in faults:
        print(f"  FAILED  {fault}")
    print("  nobody was stopped" if not faults else f"  {len(faults)} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
