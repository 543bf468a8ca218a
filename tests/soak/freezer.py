"""Workers that stand still for longer than their leases, and then go on."""

import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import DatabaseError, connection

from . import examiner
from .apps import LEASE
from .evidence import Incident
from .fleet import Child, Process

LONGEST = 1.5 * LEASE
"""Seconds, for the first lease of a row. What was lost before has a longer one."""


@dataclass(frozen=True)
class _Frozen:
    process: Process | Child
    began: float
    is_hasty: bool
    """It goes on at the very moment at which another has taken over what it had in hand,
    and is still sending it."""


def stop_without_lock(send: Callable[[int], object]) -> None:
    """Freeze a process, by what sends signals to it, where it does not hold SQLite's one
    lock: all the others would stand still with it, and by no fault of theirs."""
    send(signal.SIGSTOP)
    while examiner.is_locked():
        send(signal.SIGCONT)
        time.sleep(0.01)
        send(signal.SIGSTOP)


class Freezer:
    def __init__(self) -> None:
        self._frozen: list[_Frozen] = []
        self._count = 0

    @property
    def processes(self) -> list[Process | Child]:
        return [frozen.process for frozen in self._frozen]

    def freeze(self, process: Process | Child) -> None:
        stop_without_lock(process.send)
        self._count += 1
        self._frozen.append(_Frozen(process, time.time(), self._count % 2 == 1))

    def thaw(self) -> Iterable[Incident]:
        """Those whose time has come."""
        for frozen in [f for f in self._frozen if _is_over(f)]:
            self._frozen.remove(frozen)
            frozen.process.send(signal.SIGCONT)
            yield Incident("freeze", frozen.process.name, frozen.began, time.time())


def _is_over(frozen: _Frozen) -> bool:
    if time.time() > frozen.began + LONGEST:
        return True
    if not frozen.is_hasty:
        return False
    try:
        return examiner.was_robbed(frozen.process.name, since=frozen.began)
    except DatabaseError:
        connection.close()  # it may still be starting
        return False
