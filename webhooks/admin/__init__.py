"""The Django admin: raw rows, search, and the writes that staff make every day.

Nothing here saves a model. What can be changed is changed by an operation with the member
of staff as its actor; everything else is read-only. One module per family of models.
"""

from . import (
    audit,
    deliveries,
    endpoints,
    events,
    keys,
    notices,
    partners,
    people,
    recoveries,
    subscriptions,
    workers,
)

__all__ = [
    "audit",
    "deliveries",
    "endpoints",
    "events",
    "keys",
    "notices",
    "partners",
    "people",
    "recoveries",
    "subscriptions",
    "workers",
]
