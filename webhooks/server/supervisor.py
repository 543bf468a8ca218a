"""The processes of the server: starts the workers, replaces those that die, ends them all."""

import logging
import multiprocessing
import signal
import socket  # noqa: TID251 - it listens, and never connects
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess

from . import limits

logger = logging.getLogger(__name__)

RESTART_SECONDS = 1.0  # before a worker that died is replaced: it may die again at once
KILL_SECONDS = 2.0  # beyond those that a worker has to stop, until it is killed

_CHILD_ENDED, _ALARM = signal.SIGCHLD, signal.SIGALRM
_STOPS = (signal.SIGINT, signal.SIGTERM)
_SIGNALS = {*_STOPS, _CHILD_ENDED, _ALARM}

# Only a fork hands on the sockets, and all that the command has loaded already.
_fork = multiprocessing.get_context("fork")


def listen(
    family: socket.AddressFamily, address: tuple[str, int], count: int
) -> Sequence[socket.socket]:
    """A listening socket for each worker; raises OSError.

    Linux deals connections out to them. They are the supervisor's, so that the connections which
    wait at one of a dead worker are served by the next. Elsewhere the workers share a socket.
    """
    deals = sys.platform == "linux"
    sockets = []
    for _ in range(count if deals else 1):
        made = socket.socket(family)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if deals:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
        made.listen(limits.BACKLOG)  # from now on connections wait, and are not refused
        sockets.append(made)
    return sockets if deals else sockets * count


class Supervisor:
    """`work(socket)` is the whole of a worker; it returns after SIGTERM, in `stop_seconds`."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        work: Callable[[socket.socket], None],
        *,
        stop_seconds: float,
    ) -> None:
        self._sockets = sockets
        self._work = work
        self._stop_seconds = stop_seconds
        self._workers: dict[int, BaseProcess] = {}

    def run(self) -> None:
        """Returns when all workers have ended, after SIGTERM or SIGINT."""
        # Blocked, they wait for `sigwait`: none comes between two lines, none is lost.
        for number in (_CHILD_ENDED, _ALARM):
            signal.signal(number, lambda *_: None)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            for worker in range(len(self._sockets)):
                self._start(worker)
            while (arrived := signal.sigwait(_SIGNALS)) not in _STOPS:
                self._replace(arrived)
            self._stop()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _start(self, number: int) -> None:
        process = _fork.Process(
            target=self._in_worker,
            args=(self._sockets[number],),
            name=f"web worker {number + 1}",
        )
        process.start()
        self._workers[number] = process

    def _in_worker(self, listening: socket.socket) -> None:
        # Until it listens for SIGTERM itself, that ends it at once. A terminal sends Ctrl-C to
        # every process, and the supervisor is the one to obey.
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        for other in {*self._sockets} - {listening}:
            other.close()
        self._work(listening)

    def _replace(self, arrived: int) -> None:
        """Report who died, and start others in a second."""
        dead = {n: each for n, each in self._workers.items() if not each.is_alive()}
        if arrived == _CHILD_ENDED and dead:
            for process in dead.values():
                logger.error("The %s ended (%s).", process.name, _how(process.exitcode))
            signal.setitimer(signal.ITIMER_REAL, RESTART_SECONDS)
        elif arrived == _ALARM:
            for number in dead:
                self._start(number)

    def _stop(self) -> None:
        for listening in self._sockets:
            listening.close()
        for process in self._workers.values():
            if process.is_alive():
                process.terminate()
        end = time.monotonic() + self._stop_seconds + KILL_SECONDS
        while running := [each for each in self._workers.values() if each.is_alive()]:
            left = end - time.monotonic()
            if left > 0:
                signal.setitimer(signal.ITIMER_REAL, left)
                # Ctrl-C once more: somebody does not want to wait.
                if signal.sigwait(_SIGNALS) not in _STOPS:
                    continue
            for process in running:
                process.kill()
                process.join()
        signal.setitimer(signal.ITIMER_REAL, 0)


def _how(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"status {code}"


def most_open_files() -> int:
    """Raises this process's limit of open files as far as it may, and returns it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 65536)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # macOS has a lower limit of its own
        return soft
    return wanted
