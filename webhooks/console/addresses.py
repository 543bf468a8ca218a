"""The address of a list with other filters, or of another of its pages."""

from collections.abc import Mapping
from typing import Any

from django.utils.http import urlencode

CURSOR = "before"
"""The parameter that names the row behind which a page begins."""


def with_changes(query: Mapping[str, Any], **changes: str | None) -> str:
    """A query string: `query` with what is changed, without what is empty or None.

    Another filter begins at the first page, so the cursor stays only where it is named.
    """
    kept = {name: query.get(name) for name in query if name != CURSOR} | changes
    return "?" + urlencode({name: value for name, value in kept.items() if value})
