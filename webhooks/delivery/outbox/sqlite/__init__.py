"""The queue's statements for SQLite, which has one writer at a time.

Small queries cost next to nothing here, and a transaction excludes every other writer:
what is one statement on PostgreSQL is a few of them. Whoever calls `record` is in a
transaction.
"""

from .claiming import claim
from .recording import record
from .waking import put_idle_endpoints_to_sleep, reconcile, wake

__all__ = ["claim", "put_idle_endpoints_to_sleep", "reconcile", "record", "wake"]
