"""The processes of one command: starts them, replaces those that die, ends them all.

They are forks, which share the memory of what the command has loaded, and inherit its sockets.
So a command opens no database connection and starts no thread before, or closes it.
"""

import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

from . import ends_with_parent

logger = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
"""Seconds before a process that died is replaced: it may die again at once."""

LONGEST_PAUSE = 30.0
"""Seconds. The pause doubles up to this while replacements die young."""

YOUNG = 60.0
"""Seconds of life after which the pause is the first one again."""

KILL_SECONDS = 2.0
"""Beyond those that a process has to stop, until it is killed."""

_STOPS = (signal.SIGINT, signal.SIGTERM)
_CHILD_ENDED, _ALARM, _BEGUN = signal.SIGCHLD, signal.SIGALRM, signal.SIGUSR1
_SIGNALS = {*_STOPS, _CHILD_ENDED, _ALARM, _BEGUN}

_fork = multiprocessing.get_context("fork")

Begun = Callable[[], None]
"""A process calls this once its work has begun."""


class CannotBegin(Exception):
    """The first process ended by itself before its work had begun. Its log says why."""


@dataclass
class _Place:
    """Of one process after another."""

    number: int
    name: str
    pause: float
    process: BaseProcess | None = None
    started: float = 0.0
    due: float | None = 0.0
    """When the next is started; None while one runs, and when its work is done."""


class Supervisor:
    """`work(number, begun)` is the whole of a process; after SIGTERM it returns, in
    `stop_seconds`. Logs call the processes `name`-1, `name`-2….

    With `until_done` a process that returns unasked is done; otherwise it is replaced.
    `stopping` is called before the processes are told to stop.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[int, Begun], None],
        *,
        name: str,
        stop_seconds: float,
        until_done: bool = False,
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        self._places = [_Place(n, f"{name}-{n + 1}", FIRST_PAUSE) for n in range(count)]
        self._work = work
        self._stop_seconds = stop_seconds
        self._until_done = until_done
        self._stopping = stopping
        self._pid = os.getpid()
        self._has_begun = False

    def run(self) -> None:
        """Returns when all processes have ended: after SIGTERM or SIGINT, or all done.

        The first process must begin before the others are started, so that what keeps all
        of them from it is told once. Raises CannotBegin when it ends before. One that is
        killed is replaced, then as later.
        """
        # Blocked, they wait for `sigwait`: none comes between two lines, none is lost.
        for number in (_CHILD_ENDED, _ALARM, _BEGUN):
            signal.signal(number, lambda *_: None)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            while self._keep_up():
                arrived = signal.sigwait(_SIGNALS)
                if arrived in _STOPS:
                    break
                self._has_begun |= arrived == _BEGUN
            self._stop()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _keep_up(self) -> bool:
        """Start what is due. Returns whether anything runs or is to be started."""
        now = time.monotonic()
        for place in self._places:
            if place.process is not None and not place.process.is_alive():
                self._bury(place, now)
        for place in self._places if self._has_begun else self._places[:1]:
            if place.due is not None and place.due <= now:
                self._start(place)
        dues = [p.due for p in self._places if p.due is not None and p.due > now]
        if dues:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, min(dues) - now))
        return any(p.process is not None or p.due is not None for p in self._places)

    def _bury(self, place: _Place, now: float) -> None:
        """Note how a process ended that nobody had told to."""
        assert place.process is not None  # noqa: S101 - there was one to end
        code, place.process = place.process.exitcode, None
        self._has_begun |= _BEGUN in signal.sigpending()  # it may just have told
        if code == 0 and self._until_done:
            self._has_begun = True
            return
        if not self._has_begun and code is not None and code >= 0:
            raise CannotBegin(f"{place.name} ended before it had begun ({_how(code)}).")
        if now - place.started > YOUNG:
            place.pause = FIRST_PAUSE
        self._postpone(place, f"ended ({_how(code)})")

    def _start(self, place: _Place) -> None:
        process = _fork.Process(
            target=self._in_process, args=(place.number,), name=place.name
        )
        place.started = time.monotonic()
        try:
            process.start()
        except OSError as error:  # no memory, or too many processes
            self._postpone(place, f"cannot be started ({error.strerror})")
        else:
            place.process, place.due = process, None

    def _postpone(self, place: _Place, what: str) -> None:
        """Replace a process later, of which `what` is told."""
        text = "%s %s; the next is started in %.0f s."
        logger.error(text, place.name, what, place.pause)
        place.due = time.monotonic() + place.pause
        place.pause = min(2 * place.pause, LONGEST_PAUSE)

    def _in_process(self, number: int) -> None:
        # Until it listens for SIGTERM itself, that ends it at once. A terminal sends Ctrl-C to
        # every process, and the supervisor is the one to obey.
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        ends_with_parent.watch(self._pid, grace=self._stop_seconds)
        try:
            self._work(number, lambda: os.kill(self._pid, _BEGUN))
        except Exception:
            logger.exception("This process failed.")
            sys.exit(1)

    def _stop(self) -> None:
        self._stopping()
        for process in self._running():
            process.terminate()
        end = time.monotonic() + self._stop_seconds + KILL_SECONDS
        while running := self._running():
            left = end - time.monotonic()
            if left > 0:
                signal.setitimer(signal.ITIMER_REAL, left)
                # Ctrl-C once more: somebody does not want to wait. SIGTERM may come twice
                # by itself, to this process and to its group.
                if signal.sigwait(_SIGNALS) != signal.SIGINT:
                    continue
            for process in running:
                logger.error("%s has not ended, and is killed.", process.name)
                process.kill()
                process.join()
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _running(self) -> list[BaseProcess]:
        processes = [place.process for place in self._places]
        return [each for each in processes if each is not None and each.is_alive()]


def _how(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"status {code}"
