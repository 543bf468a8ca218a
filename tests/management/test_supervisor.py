"""Processes of one command, with work of a few lines."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.waiting import PATIENCE, eventually

from . import portal

pytestmark = pytest.mark.once

PROGRAM = """
import logging, os, pathlib, signal, sys, time
from webhooks.management import supervisor

supervisor.FIRST_PAUSE = 0.1
supervisor.LONGEST_PAUSE = 0.3
supervisor.KILL_SECONDS = 0.5
supervisor.YOUNG = {young}
logging.basicConfig(format="%(processName)s: %(message)s", level="INFO")
folder = pathlib.Path({folder!r})

def starts(number):
    return len(list(folder.glob(f"{{number}}-*")))

def work(number, begun):
    (folder / f"{{number}}-{{os.getpid()}}").touch()
{work}

supervisor.Supervisor(
    {count}, work, name="hand", stop_seconds=0.5, until_done={until_done}
).run()
logging.info("All ended.")
"""


@contextmanager
def supervising(
    folder: Path,
    work: str,
    *,
    count: int = 2,
    until_done: bool = False,
    young: float = 60,
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    program = PROGRAM.format(
        folder=str(folder), work=work, count=count, until_done=until_done, young=young
    )
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", program], cwd=portal.ROOT, stderr=out, text=True
        )
    try:
        yield process, log
    finally:
        children = portal.children(process.pid)
        process.kill()
        process.wait()
        eventually(lambda: not portal.alive(children))


def starts(folder: Path) -> list[str]:
    return sorted(path.name[0] for path in folder.glob("[0-9]-*"))


def test_the_others_start_once_the_first_has_begun(tmp_path):
    waits = """
    if number == 0:
        time.sleep(1)
        (folder / "begins").write_text(str([starts(n) for n in range(3)]))
    begun()
    time.sleep(200)"""
    with supervising(tmp_path, waits, count=3):
        eventually(lambda: starts(tmp_path) == ["0", "1", "2"])

    assert (tmp_path / "begins").read_text() == "[1, 0, 0]"


def test_a_first_one_that_cannot_begin_ends_it_all(tmp_path):
    with supervising(tmp_path, "    raise ValueError('wrong')") as (process, log):
        assert process.wait(PATIENCE) == 1

    text = log.read_text()
    assert text.count("ValueError: wrong") == 1
    assert "hand-1: This process failed." in text
    assert "CannotBegin: hand-1 ended before it had begun (status 1)." in text
    assert starts(tmp_path) == ["0"]


def test_a_first_one_that_is_killed_before_is_replaced(tmp_path):
    killed = """
    if starts(0) == 1: os.kill(os.getpid(), signal.SIGKILL)
    begun(); time.sleep(200)"""
    with supervising(tmp_path, killed) as (_, log):
        eventually(lambda: starts(tmp_path) == ["0", "0", "1"])

    assert "hand-1 ended (signal 9)" in log.read_text()


def test_each_that_dies_is_replaced_later_and_later_while_they_die_young(tmp_path):
    with supervising(tmp_path, "    begun(); os._exit(3)", count=1) as (process, log):
        eventually(lambda: len(starts(tmp_path)) == 5)
        process.terminate()
        assert process.wait(PATIENCE) == 0

    told = [line for line in log.read_text().splitlines() if "ended (" in line]
    assert (
        told[0] == "MainProcess: hand-1 ended (status 3); the next is started in 0 s."
    )
    began = sorted(path.stat().st_mtime for path in tmp_path.glob("0-*"))
    waits = [later - earlier for earlier, later in pairwise(began)]
    assert waits[0] >= 0.1
    assert waits[1] >= 0.2
    assert min(waits[2:4]) >= 0.3


def test_the_pause_is_short_again_after_a_long_life(tmp_path):
    lives = "    begun(); time.sleep(0.3); os._exit(3)"
    with supervising(tmp_path, lives, count=1, young=0.2) as (_, log):
        eventually(lambda: len(starts(tmp_path)) == 5)
        assert "in 0 s" in log.read_text()

    began = sorted(path.stat().st_mtime for path in tmp_path.glob("0-*"))
    waits = [later - earlier for earlier, later in pairwise(began)]
    assert min(waits) < 0.6, "of 0.3 s of life and 0.1 of waiting, not 0.3"


def test_one_that_returns_is_replaced_unless_it_may_be_done(tmp_path):
    with supervising(tmp_path, "    begun()", count=1) as (_, log):
        eventually(lambda: len(starts(tmp_path)) >= 2)
        assert "hand-1 ended (status 0)" in log.read_text()

    done = tmp_path / "done"
    done.mkdir()
    with supervising(done, "    begun()", until_done=True) as (process, log):
        assert process.wait(PATIENCE) == 0
        assert starts(done) == ["0", "1"]
        assert log.read_text() == "MainProcess: All ended.\n"


def test_one_that_fails_is_replaced_where_the_others_are_done(tmp_path):
    fails = "    begun()\n    if number and starts(number) < 3: os._exit(1)"
    with supervising(tmp_path, fails, until_done=True) as (process, _):
        assert process.wait(PATIENCE) == 0

    assert starts(tmp_path) == ["0", "1", "1", "1"]


def test_one_that_does_not_end_is_killed_and_named(tmp_path):
    deaf = """
    if number: signal.signal(signal.SIGTERM, signal.SIG_IGN)
    begun(); time.sleep(200)"""
    with supervising(tmp_path, deaf) as (process, log):
        eventually(lambda: starts(tmp_path) == ["0", "1"])
        time.sleep(0.5)
        children = portal.children(process.pid)
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert not portal.alive(children)

    assert "hand-2 has not ended, and is killed." in log.read_text()
    assert "hand-1 has" not in log.read_text()


def test_a_signal_that_comes_before_they_begin_ends_it_too(tmp_path):
    with supervising(tmp_path, "    time.sleep(200)") as (process, log):
        eventually(lambda: starts(tmp_path) == ["0"])
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0

    assert log.read_text() == "MainProcess: All ended.\n"
