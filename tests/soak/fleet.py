"""The processes of a soak, and what is done to them."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from .apps import NAME, name_of

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Role:
    """One kind of worker. `{name}` in its command is the process's own."""

    name: str
    count: int
    command: tuple[str, ...]
    started: str
    """What it logs when it has begun; before, SIGTERM ends it as it ends any program."""
    processes: int = 1
    """Of each. With several, the process that is started looks after those that work."""


_DELIVER = ("manage.py", "deliver", "--concurrency=20")
_CELERY = "-m celery -A portal worker --pool=solo --hostname={name}@soak"
_QUIET = "--without-gossip --without-mingle --without-heartbeat"


def crew(backend: str, processes: int) -> Sequence[Role]:
    if backend == "celery":
        return [
            Role("claimer", 2, (*_DELIVER, "--backend=celery"), "Delivering by"),
            Role("sender", 2, (*_CELERY.split(), *_QUIET.split()), "[queues]"),
        ]
    if processes == 1:
        return [Role("worker", 3, _DELIVER, "Delivering by")]
    command = (*_DELIVER, f"--processes={processes}")
    return [Role("worker", 2, command, "Delivering in", processes)]


@dataclass
class Process:
    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    is_bidden: bool = False
    """It was told to end."""
    was_killed: bool = False

    @property
    def is_running(self) -> bool:
        return self.popen.poll() is None

    @property
    def command(self) -> "Process":
        return self

    @property
    def children(self) -> Sequence["Child"]:
        pid = self.popen.pid
        try:
            pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:  # it has ended
            return []
        return [Child(name_of(self.name, int(pid)), int(pid), self) for pid in pids]

    def send(self, number: int) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        self.is_bidden = self.was_killed = True
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        self.is_bidden = True
        self.popen.terminate()

    def ended_badly(self, *, within: float) -> str:
        """What is wrong with how it ended, in `within` seconds at most; empty if nothing.

        To be asked of a process that was told to end, or should be through.
        """
        try:
            status = self.popen.wait(within)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return f"{self.name} did not end"
        if status == (-signal.SIGKILL if self.was_killed else 0):
            return ""
        return f"{self.name} ended with {status}: {self.log.read_text()[-500:]}"


@dataclass(frozen=True)
class Child:
    """A process of a command that has several. Its command replaces it."""

    name: str
    pid: int
    command: Process = field(compare=False)

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it may have ended with its command
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)


@dataclass
class Fleet:
    """A context manager that leaves nothing running."""

    folder: Path
    all: list[Process] = field(default_factory=list)

    def start(self, role: str, *command: str) -> Process:
        """Run Python with `command`, under a name that no other process has."""
        name = f"{role}-{sum(p.name.startswith(role) for p in self.all) + 1}"
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [sys.executable, *(word.format(name=name) for word in command)],
                cwd=ROOT,
                env=os.environ | {NAME: name, "PGAPPNAME": name},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.all.append(Process(name, popen, log))
        return self.all[-1]

    def running(self, role: str) -> list[Process]:
        """Those that are there and were not told to end."""
        return [
            p
            for p in self.all
            if p.name.startswith(role) and p.is_running and not p.is_bidden
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self.all:
            if process.is_running:
                process.send(signal.SIGCONT)
                process.kill()
