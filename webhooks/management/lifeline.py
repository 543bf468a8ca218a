"""A process that ends when the one that started it does.

A killed parent (`kill -9`, out of memory) tells its children nothing, and a web worker
that outlives its server keeps the port. Asking for the parent's id is the one way that
every Unix has; Linux alone could send a signal instead.
"""

import os
import signal
import threading
import time

INTERVAL = 0.5  # seconds between two looks
GRACE = 5.0  # seconds to end by SIGTERM before the process just ends


def follow(parent: int, *, interval: float = INTERVAL, grace: float = GRACE) -> None:
    """From now on, end this process once process `parent` is no longer its parent."""
    threading.Thread(
        target=_watch, args=(parent, interval, grace), name="lifeline", daemon=True
    ).start()


def _watch(parent: int, interval: float, grace: float) -> None:
    while os.getppid() == parent:
        time.sleep(interval)
    # To the main thread: a signal that another one receives does not wake it.
    main = threading.main_thread().ident
    assert main is not None  # noqa: S101 - a thread that has started
    signal.pthread_kill(main, signal.SIGTERM)
    time.sleep(grace)
    os._exit(1)
