"""The queue's statements for PostgreSQL.

A claim and the record of a settlement each are one statement: atomic without a
transaction around it, and one round trip.
"""

from .claiming import claim
from .recording import record
from .waking import put_idle_endpoints_to_sleep, reconcile, wake

__all__ = ["claim", "put_idle_endpoints_to_sleep", "reconcile", "record", "wake"]
