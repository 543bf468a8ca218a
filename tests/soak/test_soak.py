"""A small soak, on the database of this run; `make soak` is the whole of it."""

import os
import signal
import subprocess
import sys

import pytest
from django.db import connection

from . import cluster
from .fleet import ROOT

EVENTS = 300
SEED = 1


def options():
    """What the program is run with; PostgreSQL is a cluster of its own."""
    if connection.vendor == "postgresql":
        try:
            cluster.programs()
        except cluster.NoPostgreSQL as reason:
            pytest.skip(str(reason))
    return [
        f"--database={connection.vendor}",
        f"--events={EVENTS}",
        f"--seed={SEED}",
    ]


@pytest.mark.alone
@pytest.mark.django_db  # the soak's own database is of the same engine
def test_nothing_is_lost_whatever_is_killed():
    soak = subprocess.Popen(
        [sys.executable, "-m", "tests.soak", *options()],
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
