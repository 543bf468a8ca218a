"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable
from typing import Any

# On a busy machine everything takes ten times as long; a wait that succeeds costs nothing.
PATIENCE = 90.0


def eventually(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Return once the condition holds. Raises AssertionError when it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it never came to that in {seconds:.0f} s"
        time.sleep(0.02)
