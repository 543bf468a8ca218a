"""The clock, and how values stand in the statements.

Django keeps moments as text in UTC and UUIDs as 32 hex digits.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import orjson

CLOCK = "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', {shift})"
NOW = CLOCK.format(shift="'0 seconds'")
# It counts milliseconds and rounds them; a row due in this very one is due.
DUE = CLOCK.format(shift="'0.001 seconds'")


def as_json(ids: Iterable[UUID]) -> str:
    return orjson.dumps([id.hex for id in ids]).decode()


def moment(text: str | None) -> datetime:
    """Of the queue's clock; a time that has never been is long ago."""
    return datetime.fromisoformat(text or "0001-01-01").replace(tzinfo=None)
