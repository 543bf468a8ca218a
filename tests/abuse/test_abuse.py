"""A small abuse soak, on the database of this run; `make abuse` is the whole of it."""

import os
import signal
import subprocess
import sys

import pytest
from django.db import connection

from tests.management.portal import ROOT


@pytest.mark.alone
@pytest.mark.django_db  # the soak's own database is of the same engine
def test_nobody_stops_the_portal_for_others():
    # Everybody is answered and nothing is lost. How long it takes is `make abuse`'s to say.
    options = [
        f"--database={connection.vendor}",
        *("--seconds=6", "--sockets=50", "--most=inf"),
    ]
    soak = subprocess.Popen(
        [sys.executable, "-m", "tests.abuse", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that all of it can be ended
    )
    try:
        printed, _ = soak.communicate(timeout=280)
    finally:
        if soak.poll() is None:
            os.killpg(soak.pid, signal.SIGKILL)

    assert soak.returncode == 0, printed
