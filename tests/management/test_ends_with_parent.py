import subprocess
import sys

from tests.waiting import PATIENCE

from . import portal

FOLLOWER = """
import signal, sys, time
from webhooks.management import ends_with_parent
if {ignores}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
ends_with_parent.watch({parent}, interval=0.05, grace=0.2)
time.sleep(200)
"""


def ended(*, parent: str, ignores: bool = False) -> int:
    program = FOLLOWER.format(parent=parent, ignores=ignores)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=portal.ROOT, timeout=PATIENCE
    ).returncode


def test_it_ends_a_process_that_has_another_parent_now():
    assert ended(parent="1_000_000_000") == -15


def test_it_ends_a_process_that_ignores_the_signal():
    assert ended(parent="1_000_000_000", ignores=True) == 1


def test_it_leaves_a_process_alone_while_its_parent_lives():
    program = FOLLOWER.format(parent="__import__('os').getppid()", ignores=False)
    program = program.replace("time.sleep(200)", "time.sleep(0.5)")

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=portal.ROOT, timeout=PATIENCE
    )

    assert done.returncode == 0
