"""Identifiers: read from callers, and made to sort by the time they were made.

Events and deliveries are the tables that grow: with UUID version 7 (RFC 9562) their
primary keys are written at one end of the index, and a table can be partitioned by time.
"""

import re
import uuid
from datetime import UTC, datetime, timedelta

from uuid_utils import compat

_SLACK = 3_600_000  # milliseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


# int() would read more digits than those of ASCII.
_CANONICAL = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)


def parse(text: str) -> uuid.UUID | None:
    """The id that a caller has written, in any case; None where it is none.

    Takes the form 8-4-4-4-12 only. Python's own constructor takes braces, `urn:uuid:`
    and hyphens anywhere, too: one object would have many addresses.
    """
    return uuid.UUID(text) if _CANONICAL.fullmatch(text) else None


def time_ordered() -> uuid.UUID:
    return compat.uuid7()


def before(moment: datetime) -> uuid.UUID:
    """Smaller than the id of every row that says it was created at `moment` or later.

    It turns a range of time into a range of the primary key. There is an hour of slack:
    an id is made a little apart from the time beside it, and clocks are set back. So
    whoever asks for a range names the times, too.
    """
    return _at(moment, -_SLACK)


def after(moment: datetime) -> uuid.UUID:
    """Greater than the id of every row that says it was created before `moment`."""
    return _at(moment, _SLACK)


def _at(moment: datetime, slack: int) -> uuid.UUID:
    milliseconds = (moment - _EPOCH) // _MILLISECOND + slack
    return uuid.UUID(int=min(max(milliseconds, 0), (1 << 48) - 1) << 80)
