"""Commands run side by side: they start together and end together."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

# Seconds between SIGTERM and SIGKILL. Longer than any of them takes by its own limit, because
# a web server that is killed leaves its workers behind.
STOP_TIMEOUT = 15.0


class Group:
    """Processes of management commands; leaving the context ends all of them."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Run `manage.py COMMAND`; messages call it `name`."""
        root = str(Path(settings.BASE_DIR))
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own commands
            [
                sys.executable,
                "-m",
                "webhooks.management.ends_with_parent",
                str(os.getpid()),
                *command,
            ],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            # Ctrl-C would signal the whole foreground group; `stop` signals these once.
            start_new_session=True,
        )

    def ended(self) -> str | None:
        """A sentence on which process ended by itself, and how; None while all run."""
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                how = f"signal {-code}" if code < 0 else f"status {code}"
                return f"The {name} ended ({how})."
        return None

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
