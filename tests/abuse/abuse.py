"""One abuse soak: the healthy traffic alone, then beside every attack."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from django.db import connections

from tests.management import portal
from tests.ports import free_port
from tests.waiting import eventually
from webhooks.models import Delivery, Event, PendingFanout

from .build import build
from .evidence import Evidence
from .healthy import Healthy, Measured
from .scene import Scene

ROOT = portal.ROOT
_ERROR = re.compile(" ERROR |Traceback")

SETTLED = 60.0
"""Seconds until what was accepted has arrived, when the attacks are over."""


def run(
    folder: Path, *, url: str, seconds: float, sockets: int, only: list[str]
) -> Evidence:
    """Each phase takes `seconds`; `sockets` connections are held of each half-sent form.
    `only`: the names of some attacks; all, when it is empty."""
    with ExitStack() as stack:
        honest, hostile = (
            stack.enter_context(_Receiver(folder, name))
            for name in ("honest_receiver", "hostile_receiver")
        )
        made = build(honest, hostile)
        connections.close_all()
        port = free_port()
        serve = ("serve", "--bind", f"127.0.0.1:{port}", "--workers", "2")
        logs = {name: folder / f"{name}.log" for name in ("serve", "deliver")}
        more = {"API_RATE_WITHOUT_KEY": "120"}  # as in production; tests have none
        for name, words in {"serve": serve, "deliver": ("deliver",)}.items():
            stack.enter_context(
                portal.Running(*words, database_url=url, log=logs[name], **more)
            )
        eventually(lambda: portal.answers(port))
        address = f"http://127.0.0.1:{port}"
        healthy = Healthy(address, made)
        asyncio.run(
            healthy.run(2)
        )  # what is loaded at the first request is not measured
        before = asyncio.run(healthy.run(seconds))
        with _attackers(address, seconds + 3, sockets, only, made) as attackers:
            time.sleep(2)  # their connections are open
            during = asyncio.run(healthy.run(seconds))
            printed, _ = attackers.communicate(timeout=seconds + 120)
        statuses = json.loads(printed)
        arrived = _arrived(honest, before, during)
        return Evidence(
            before=before,
            during=during,
            received_before=[arrived[n] for n in before.published if n in arrived],
            received_during=[arrived[n] for n in during.published if n in arrived],
            lost=[n for n in before.published + during.published if n not in arrived],
            unaccounted=_unaccounted(),
            statuses=statuses,
            errors=_errors(logs),
        )


class _Attackers:
    def __init__(self, *words: str, scene: Scene) -> None:
        self._words = words
        self._scene = scene

    def __enter__(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.abuse.attacks", *self._words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asdict(self._scene)))
        self.process.stdin.close()
        self.process.stdin = None  # communicate() would flush it again
        return self.process

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()


def _attackers(
    url: str, seconds: float, sockets: int, only: list[str], made: Scene
) -> _Attackers:
    return _Attackers(url, str(seconds), str(sockets), *only, scene=made)


class _Receiver:
    """A receiver in a process of its own; a context manager that gives its URL."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._log = folder / f"{name}.log"

    def __enter__(self) -> str:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"tests.abuse.{self._name}"],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ,
            )
        eventually(lambda: self._log.read_text().endswith("\n"))
        return f"http://127.0.0.1:{int(self._log.read_text().splitlines()[0])}"

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()


def _arrived(honest: str, *phases: Measured) -> dict[int, float]:
    """Seconds by number, once all have arrived or the time for it is over."""
    published = {number for phase in phases for number in phase.published}
    end = time.monotonic() + SETTLED
    while True:
        with urllib.request.urlopen(honest, timeout=10) as response:
            arrived = {int(n): s for n, s in json.load(response).items()}
        if published <= arrived.keys() or time.monotonic() > end:
            return arrived
        time.sleep(0.2)


def _unaccounted() -> int:
    """Events that matched, and have neither a delivery nor a fan-out that goes on."""
    matched = Event.objects.filter(matched__gt=0)
    queued = Delivery.objects.values("event")
    waiting = PendingFanout.objects.values("event")
    return matched.exclude(id__in=queued).exclude(id__in=waiting).count()


def _errors(logs: dict[str, Path]) -> list[str]:
    """Requests that were answered with 500, and what the worker could not do. A 503 is an
    answer: somebody waits for a lock, and it says when to ask again."""
    wrong = {"serve": re.compile(r" webhooks\.access \w+ \S+ 500 "), "deliver": _ERROR}
    return [
        f"{name}: {line[:300]}"
        for name, log in logs.items()
        for line in log.read_text(errors="replace").splitlines()
        if wrong[name].search(line)
    ][:20]
