"""A process that ends when the one that started it ends.

A killed parent (`kill -9`, out of memory) sends its children no signal, and a web worker that
outlives its server keeps the port. Every Unix can tell the id of a process's parent; only
Linux could send a signal instead.

`python -m webhooks.management.ends_with_parent PARENT COMMAND …` runs a command of manage.py.
`up` starts its processes so, and the commands need not know of `up`.
"""

import os
import signal
import sys
import threading
import time

from django.core.management import execute_from_command_line

INTERVAL = 0.5  # seconds between two looks
GRACE = 5.0  # seconds to end after SIGTERM; then the process is ended at once


def watch(parent: int, *, interval: float = INTERVAL, grace: float = GRACE) -> None:
    """From now on, end this process when process `parent` is no longer its parent."""
    threading.Thread(
        target=_watch, args=(parent, interval, grace), name="parent watch", daemon=True
    ).start()


def _watch(parent: int, interval: float, grace: float) -> None:
    while os.getppid() == parent:
        time.sleep(interval)
    # To the main thread: a signal that another thread receives does not wake it.
    main = threading.main_thread().ident
    assert main is not None  # noqa: S101 - a thread that has started
    signal.pthread_kill(main, signal.SIGTERM)
    time.sleep(grace)
    os._exit(1)


if __name__ == "__main__":
    watch(int(sys.argv[1]))
    execute_from_command_line(["manage.py", *sys.argv[2:]])
