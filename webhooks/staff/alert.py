"""What the dashboard says of something that needs attention."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

DANGER, WARNING, INFO = "danger", "warning", "info"


@dataclass(frozen=True)
class Item:
    """One of the rows that an alert is about."""

    name: str
    address: str
    description: str = ""
    # The word before the time `at`, such as "since".
    word: str = "since"
    at: datetime | None = None


@dataclass(frozen=True)
class Alert:
    colour: str
    title: str
    description: str
    address: str = ""
    """Of its list; empty where there is none."""
    items: Sequence[Item] = field(default=())
    has_more: bool = False
