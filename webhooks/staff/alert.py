"""What the dashboard says of something that needs attention.

It asks for a dozen things, all of them each time, so their statements are kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Window
from django.urls import reverse

MOST_NAMED = 5
"""Items that an alert names; its list has the others."""

MOST_COUNTED = 1_000

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


def first(rows: Any) -> Any:
    """The rows that an alert names, and one more; each with the number of all."""
    return rows.annotate(total_rows=Window(Count("*")))[: MOST_NAMED + 1]


def of_rows(
    found: Sequence[Any],
    item: Callable[[Any], Item],
    *,
    colour: str,
    noun: tuple[str, str],
    description: str,
    address: str,
) -> Alert | None:
    """An alert about what `first` has found; None where there is nothing."""
    if not found:
        return None
    return Alert(
        colour,
        number(found[0].total_rows, *noun),
        description,
        address,
        [item(row) for row in found[:MOST_NAMED]],
        has_more=len(found) > MOST_NAMED,
    )


def counted(rows: Any) -> Any:
    """The rows as far as they are counted: one more than the limit means more."""
    return rows.order_by().values("pk")[: MOST_COUNTED + 1]


def number(count: int, one: str, many: str) -> str:
    if count > MOST_COUNTED:
        return f"More than {MOST_COUNTED:,} {many}"
    return f"1 {one}" if count == 1 else f"{count:,} {many}"


def listed(name: str, **query: Any) -> str:
    return reverse(f"staff:{name}", query=query)
