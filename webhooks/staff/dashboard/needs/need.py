"""Something that a person should look at, and how it is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse

NAMED = 5
"""Things that a need names; its list has the others."""

MOST_COUNTED = 1_000

DANGER, WARNING, NEWS = "danger", "warning", "info"


@dataclass(frozen=True)
class Thing:
    """One of those a need is about."""

    name: str
    address: str
    says: str = ""
    word: str = ""
    """What happened or will at `at`, such as "since"."""
    at: datetime | None = None


@dataclass(frozen=True)
class Need:
    tone: str
    title: str
    says: str
    address: str = ""
    """Of the list behind it; empty where there is none."""
    named: Sequence[Thing] = field(default=())
    has_more: bool = False

    @property
    def is_news(self) -> bool:
        """It is good to know, and nobody has to do anything."""
        return self.tone == NEWS


def counted(rows: Any) -> int:
    """How many rows there are; one more than is counted stands for all the others."""
    return int(rows.order_by()[: MOST_COUNTED + 1].count())


def number(count: int, one: str, many: str) -> str:
    if count > MOST_COUNTED:
        return f"More than {MOST_COUNTED:,} {many}"
    return f"1 {one}" if count == 1 else f"{count:,} {many}"


def list_address(name: str, query: dict[str, Any]) -> str:
    return reverse(f"staff:{name}", query=query)
