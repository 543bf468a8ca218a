"""Acts at a moment that a test chooses."""

from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec, TypeVar

import time_machine

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def at(
    moment: datetime,
    act: Callable[Arguments, Result],
    *args: Arguments.args,
    **arguments: Arguments.kwargs,
) -> Result:
    """What `act` returns when the clock shows `moment`."""
    with time_machine.travel(moment, tick=False):
        return act(*args, **arguments)
