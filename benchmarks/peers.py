"""The same deliveries by what else a Django project could use, where `make peers` has
installed it: django-webhook2 on Celery and Redis, and a sender on Procrastinate."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import machine
from .deliveries import Setting, rates
from .result import Result

PYTHON = Path("build/peers/bin/python")
PEERS = {"django_webhook2": 500, "procrastinate": 3_000}  # and how many they deliver
START = 5.0  # seconds for Redis


def run() -> list[Result]:
    if not PYTHON.exists():
        print("peers: not installed; see `make peers`")
        return []
    ours, _ = rates(Setting("PostgreSQL", machine.postgresql(), 1))
    results = []
    for name, count in PEERS.items():
        theirs = _rate(name, count)
        results.append(
            Result(
                what=f"deliveries/s, one worker, PostgreSQL / {name}",
                measured=ours / theirs,
                target=1.0,
                detail=f"{ours:,.0f}/s against {theirs:,.0f}/s",
            )
        )
    return results


def _rate(name: str, count: int) -> float:
    with (
        machine.receiver("sink") as url,
        machine.database() as database,
        _redis() as broker,
    ):
        environment = os.environ | {
            "PEER_DATABASE_URL": database,
            "PEER_BROKER_URL": broker,
        }
        printed = subprocess.run(
            [PYTHON, "-m", f"benchmarks.peer_{name}", url, str(count)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=machine.TIME_LIMIT,
        ).stdout
    return float(json.loads(printed))


@contextmanager
def _redis() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()
