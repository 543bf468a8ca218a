"""Who is frozen holds up nobody else."""

import signal
import subprocess
import sys

import pytest
from django.db import connection

from . import examiner
from .freezer import stop_without_lock

BUSY = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
while True:
    database.execute("BEGIN IMMEDIATE")
    print("locked", flush=True)
    time.sleep(0.2)
    database.execute("COMMIT")
    time.sleep(0.1)
"""


@pytest.mark.sqlite("SQLite has one lock for all")
@pytest.mark.django_db(transaction=True)
def test_who_is_frozen_does_not_hold_the_lock_of_all():
    command = [sys.executable, "-c", BUSY, str(connection.settings_dict["NAME"])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as busy:
        try:
            assert busy.stdout is not None
            for _ in range(3):
                assert busy.stdout.readline() == b"locked\n"
                stop_without_lock(busy.send_signal)
                assert not examiner.is_locked()
                busy.send_signal(signal.SIGCONT)
        finally:
            busy.kill()
