"""What needs a person now, and what is good to know: the top of the dashboard.

Every need leads to the list it was read from, by the same words as the list's filters, and
is found by an index or counted no further than `MOST_COUNTED`.
"""

from collections.abc import Callable
from datetime import datetime

from . import sending, settings
from .need import MOST_COUNTED, NAMED, Need, Thing

__all__ = ["MOST_COUNTED", "NAMED", "Need", "Thing", "found"]

# The worst first: (what one must be allowed to look at, where it is looked)
_LOOKS: tuple[tuple[str, Callable[[datetime], Need | None]], ...] = (
    ("view_delivery", sending.worker),
    ("view_delivery", sending.overdue),
    ("view_subscription", settings.disabled),
    ("view_subscription", settings.failing),
    ("view_delivery", sending.lost),
    ("view_apikey", settings.expiring_keys),
    ("view_event", sending.unmatched),
    ("view_recovery", sending.recoveries),
)


def found(*, may: Callable[[str], bool], now: datetime) -> list[Need]:
    """Only what the viewer may look at further."""
    needs = (look(now) for permission, look in _LOOKS if may(permission))
    return [need for need in needs if need is not None]
