"""Ctrl-C, as often as an impatient person types it."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.ports import free_port

from . import portal


@pytest.fixture(autouse=True)
def heard_ctrl_c() -> Iterator[None]:
    """Where the tests run in the background, their children would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def type_ctrl_c(terminal: int) -> None:
    """To every process of the group, as a terminal does."""
    for pid in {terminal, *portal.children(terminal)}:
        try:
            if pid == terminal or os.getpgid(pid) == os.getpgid(terminal):
                os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            pass


@pytest.mark.parametrize(
    ("command", "started"),
    [
        (["serve", "--workers", "2"], "Serving"),
        (["deliver"], "Delivering"),
        (["up", "--no-sample"], "Ctrl-C stops"),
    ],
    ids=["serve", "deliver", "up"],
)
def test_it_ends_without_a_traceback(command, started, database_url, tmp_path):
    if command[0] != "deliver":
        command = [*command, "--bind", f"localhost:{free_port()}"]
    with portal.Running(
        *command, database_url=database_url, log=tmp_path / "log"
    ) as running:
        running.wait_for(started)
        pid = running.process.pid
        while running.process.poll() is None:
            type_ctrl_c(pid)
            time.sleep(0.05)
        assert running.process.returncode in (0, 130)
        assert "Traceback" not in running.output
