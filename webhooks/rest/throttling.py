"""Limits the requests per minute of a key, and those of an address that have no valid one.

Requests are counted by the atomic increment of the cache. A list of times would grow with
the rate and lose counts between processes. With the default cache each web process counts
for itself; a shared one (`CACHE_URL`) counts for all. If the cache is down, requests are not
counted but still served.

Addresses are as many as somebody likes. So they share a fixed number of counters, by a keyed
hash: nobody can choose whose counter it is, and sharing one costs nothing but a 429 in place
of another refusal.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds

COUNTERS = 2048
"""Of all addresses together, each in the cache for two minutes at most."""


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
    return _allowance(identity, settings.API_RATE_PER_MINUTE, now, _count)


def spend_without_key(network: str | None, *, now: datetime) -> Allowance | None:
    """Count one request of an address that has no valid key; None where none are counted."""
    limit: int = settings.API_RATE_WITHOUT_KEY
    return _allowance(_counter(network), limit, now, _count)


def left_without_key(network: str | None, *, now: datetime) -> Allowance | None:
    """What `spend_without_key` counted in this minute, with nothing added."""
    limit: int = settings.API_RATE_WITHOUT_KEY
    return _allowance(_counter(network), limit, now, lambda name: cache.get(name, 0))


def _counter(network: str | None) -> str:
    digest = salted_hmac(__name__, network or "", algorithm="sha256").digest()
    return f"keyless:{int.from_bytes(digest[:4]) % COUNTERS}"


def _allowance(
    identity: str, limit: int, now: datetime, used: Callable[[str], int]
) -> Allowance | None:
    if not limit:
        return None
    window, elapsed = divmod(now.timestamp(), WINDOW)
    try:
        found = used(f"rate:{identity}:{int(window)}")
    except Exception:  # each cache has exceptions of its own
        logger.exception("Requests are not counted: the cache does not answer.")
        return None
    return Allowance(limit=limit, used=found, reset=math.ceil(WINDOW - elapsed))


def _count(name: str) -> int:
    if cache.add(name, 1, timeout=2 * WINDOW):
        return 1
    try:
        return cache.incr(name)
    except ValueError:  # evicted between the two calls
        return 1
