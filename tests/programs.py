"""Programs of the tests, which start many processes of their own."""

import os
import signal
import subprocess
import sys

from django.conf import settings


def ends_well(module: str, *options: str) -> None:
    """Run one, which must end with 0. However this ends, so does all that it started."""
    program = subprocess.Popen(
        [sys.executable, "-m", module, *options],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = program.communicate(timeout=280)
    finally:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
    assert program.returncode == 0, printed
