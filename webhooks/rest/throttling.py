"""Limits the requests per minute of a key.

Requests are counted by the atomic increment of the cache. A list of times would grow with
the rate and lose counts between processes. With the default cache each web process counts
for itself; a shared one (`CACHE_URL`) counts for all. If the cache is down, requests are not
counted but still served.
"""

import logging
import math
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.cache import cache

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds


@dataclass(frozen=True, slots=True)
class Allowance:
    """The requests that a caller may still make in this window, after the counted one."""

    limit: int
    used: int
    reset: int  # seconds until the window ends

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def wait(self) -> int | None:
        """The seconds to wait when the request is over the limit, else None."""
        return self.reset if self.used > self.limit else None


def spend(identity: str, *, now: datetime) -> Allowance | None:
    """Count one request; None where none are counted."""
    limit: int = settings.API_RATE_PER_MINUTE
    if not limit:
        return None
    window, elapsed = divmod(now.timestamp(), WINDOW)
    try:
        used = _count(f"rate:{identity}:{int(window)}")
    except Exception:  # each cache has exceptions of its own
        logger.exception("Requests are not counted: the cache does not answer.")
        return None
    return Allowance(limit=limit, used=used, reset=math.ceil(WINDOW - elapsed))


def _count(name: str) -> int:
    if cache.add(name, 1, timeout=2 * WINDOW):
        return 1
    try:
        return cache.incr(name)
    except ValueError:  # evicted between the two calls
        return 1
