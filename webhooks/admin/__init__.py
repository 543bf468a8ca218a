"""The Django admin: the stored rows of every model, to look at.

Only people (`people`) and event types (`event_types`) are edited here.
"""

from . import event_types, people, tables

__all__ = ["event_types", "people", "tables"]
