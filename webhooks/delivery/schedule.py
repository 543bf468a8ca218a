"""Retry schedules: the wait before each attempt of a delivery.

A schedule lists the wait before each attempt, in seconds; the first is usually 0. When as
many attempts have failed as there are waits, the delivery is exhausted.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MINUTE, HOUR = 60, 3600

LONGEST_RETRY_AFTER = timedelta(hours=24)
"""A receiver may delay a delivery for as long as the longest wait of any schedule, and no
longer: a header must not delay it for years."""


@dataclass(frozen=True, slots=True)
class Schedule:
    waits: tuple[int, ...]
    # Spreads retries of what failed together: 0.2 is up to a fifth earlier or later.
    jitter: float = 0.0

    @property
    def attempts(self) -> int:
        return len(self.waits)

    def wait_after(self, failed: int) -> timedelta | None:
        """The wait before the next attempt when `failed` have failed; None if there is no
        next one."""
        if failed >= len(self.waits):
            return None
        spread = random.uniform(-self.jitter, self.jitter)  # noqa: S311 - not a secret
        return timedelta(seconds=self.waits[failed] * (1 + spread))


# The example schedule of Standard Webhooks 1.0.0, added up:
STANDARD = Schedule(
    waits=(
        0,
        5,
        5 * MINUTE,  # 00:05:05
        30 * MINUTE,  # 00:35:05
        2 * HOUR,  # 02:35:05
        5 * HOUR,  # 07:35:05
        10 * HOUR,  # 17:35:05
        14 * HOUR,  # 31:35:05
        20 * HOUR,  # 51:35:05
        24 * HOUR,  # 75:35:05
    ),
    jitter=0.2,
)


def retry_after(value: str, *, now: datetime) -> timedelta | None:
    """The wait that a `Retry-After` header asks for, within limits; None if unreadable.

    RFC 9110, 10.2.3: seconds, or a date.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        # Nine digits exceed every limit; int() refuses thousands of them.
        asked = timedelta(seconds=int(text[:9]))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):  # numbers of any length
            return None
        if moment.tzinfo is None:  # "-0000": UTC, says RFC 5322, 3.3
            moment = moment.replace(tzinfo=UTC)
        asked = moment - now
    return min(max(asked, timedelta(0)), LONGEST_RETRY_AFTER)
