"""The queue's statements for PostgreSQL.

A claim and the record of a settlement each are one statement: atomic without a
transaction around it, and one round trip.
"""

from .claiming import claim
from .recording import record
from .waking import reconcile, rest, wake

__all__ = ["claim", "reconcile", "record", "rest", "wake"]
