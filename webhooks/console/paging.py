"""Keyset paging of lists: a page begins after a row; the newest rows come first by default.

A page costs the same however many rows there are. Where a filter has no index, each page
scans a fixed number of rows and says so, instead of reading the whole table for a few
matches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode

CURSOR = "before"
"""The parameter that names the row behind which a page begins."""

SIZE = 50
"""Rows of a page: about as many as somebody reads before filtering instead."""

REACH = 5_000
"""Rows that one page looks at through a filter without an index; some 10 ms."""

_BETWEEN = "~"


def with_changes(query: Mapping[str, Any], **changes: str | None) -> str:
    """A query string: `query` with what is changed, without what is empty or None.

    Another filter begins at the first page, so the cursor stays only where it is named.
    """
    kept = {name: query.get(name) for name in query if name != CURSOR} | changes
    return "?" + urlencode({name: value for name, value in kept.items() if value})


@dataclass(frozen=True)
class Listed:
    rows: Sequence[Any]
    # Query strings; None where the page is the first, or the last. In an ascending list
    # they lead to its first page, and to the next.
    newest: str | None = None
    older: str | None = None
    # How many rows were scanned, where older ones may match, too.
    looked_at: int | None = None
    is_ascending: bool = False


class Keyset:
    """The columns that order a list, descending by default; together they are unique.

    The last is unique by itself and decides between rows that share the first.
    """

    def __init__(self, *fields: str, is_ascending: bool = False) -> None:
        self.fields = fields
        self.is_ascending = is_ascending
        self._behind, self._before = ("gt", "lt") if is_ascending else ("lt", "gt")

    def ordered(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        sign = "" if self.is_ascending else "-"
        return rows.order_by(*(f"{sign}{field}" for field in self.fields))

    def behind(self, key: Sequence[Any]) -> Q:
        return self._beyond(key, self._behind, self._behind)

    def down_to(self, key: Sequence[Any]) -> Q:
        return self._beyond(key, self._before, f"{self._before}e")

    def _beyond(self, key: Sequence[Any], past: str, at_last: str) -> Q:
        *leading, last = zip(self.fields, key, strict=True)
        found = Q((f"{last[0]}__{at_last}", last[1]))
        for field, value in reversed(leading):
            # The first condition follows from the second, and is one an index serves.
            found = Q((f"{field}__{past}e", value)) & (
                Q((f"{field}__{past}", value)) | found
            )
        return found

    def of(self, row: Any) -> list[Any]:
        """The row's key."""
        return [getattr(row, field) for field in self.fields]

    def text(self, row: Any) -> str:
        """The row's key as it is written in an address."""
        return _BETWEEN.join(
            v.isoformat() if isinstance(v, datetime) else str(v) for v in self.of(row)
        )

    def read(self, text: str, model: Any) -> list[Any] | None:
        """The key in an address; None if it is not a key of this list."""
        # The first column may be a text that contains the separator.
        parts = text.rsplit(_BETWEEN, len(self.fields) - 1)
        if not text or "\0" in text or len(parts) != len(self.fields):
            return None
        try:
            return [
                _aware(model._meta.get_field(field).to_python(part))
                for field, part in zip(self.fields, parts, strict=True)
            ]
        except (ValidationError, ValueError, OverflowError):
            return None


def listed(
    keyset: Keyset, indexed: QuerySet[Any], scanned: QuerySet[Any], *, query: QueryDict
) -> Listed:
    """One page. `indexed` is what indexes find, and `scanned` is the same query with the
    filters that no index serves. Pass the same queryset when no such filter is set.
    """
    key = keyset.read(query.get(CURSOR, ""), indexed.model)
    start = Q() if key is None else keyset.behind(key)
    end = None if scanned is indexed else _end(keyset, indexed.filter(start))
    rows = keyset.ordered(scanned.filter(start))
    if end is not None:
        rows = rows.filter(keyset.down_to(keyset.of(end)))
    if scanned is not indexed:
        # The page is chosen by its keys. In one query PostgreSQL expects few matches, so
        # joins what a row shows to all of them, and sorts then.
        chosen = rows.select_related(None).values("pk")[: SIZE + 1]
        rows = keyset.ordered(indexed.filter(pk__in=chosen))
    found = list(rows[: SIZE + 1])
    shown = found[:SIZE]
    last, reach = None, None
    if len(found) > SIZE:
        last = shown[-1]
    elif end is not None:
        last, reach = end, REACH
    return Listed(
        shown,
        newest=None if key is None else with_changes(query),
        older=last and with_changes(query, **{CURSOR: keyset.text(last)}),
        looked_at=reach,
        is_ascending=keyset.is_ascending,
    )


def _end(keyset: Keyset, rows: QuerySet[Any]) -> Any:
    """The last row that one page may scan; None if there are fewer rows."""
    bare = keyset.ordered(rows.select_related(None).only(*keyset.fields))
    return next(iter(bare[REACH - 1 : REACH]), None)


def _aware(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    if timezone.is_naive(value):
        value = value.replace(tzinfo=UTC)
    return value.astimezone(UTC)
