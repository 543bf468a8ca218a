"""Keyset paging: a page begins after a row, not at an offset.

A late page costs as much as an early one, and new rows move no other to another page.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from webhooks.console.paging import Keyset

Row = TypeVar("Row", bound=Model)


class CursorRefused(Exception):
    """The cursor was not made by this list."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    next: str | None
    """The cursor of the next page; None on the last one."""


def page(
    rows: QuerySet[Row],
    keyset: Keyset,
    *,
    limit: int,
    cursor: str | None = None,
    after: Row | None = None,
) -> Page[Row]:
    """The page that `cursor` leads to, or the one behind the row `after`; the first
    without either. Raises CursorRefused."""
    if after is not None:
        rows = rows.filter(keyset.behind(keyset.of(after)))
    if cursor is not None:
        key = keyset.read(_decoded(cursor), rows.model)
        if key is None:
            raise CursorRefused
        rows = rows.filter(keyset.behind(key))
    # One more than the page holds says whether there is a next one.
    found = list(keyset.ordered(rows)[: limit + 1])
    here = found[:limit]
    return Page(here, _encoded(keyset.text(here[-1])) if found[limit:] else None)


def address(request: Request, **changes: object) -> str:
    """The whole address of the request, with these parameters of its query changed."""
    query = request.query_params.copy()
    for name, value in changes.items():
        query[name] = str(value)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _encoded(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> str:
    """Empty, which is no key, for what was never encoded."""
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
