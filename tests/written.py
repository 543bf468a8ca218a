"""Which statements write, of those that are asked meanwhile."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

_WRITES = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|COPY)\b")
# A key notes now and then when it was used, whatever it is used for.
_OF_EVERY_REQUEST = re.compile(
    r'UPDATE "webhooks_apikey" SET "last_used_at" = \S+ \S+ WHERE'
)


@contextmanager
def nothing_is_written() -> Iterator[None]:
    """Not even what is rolled back."""
    with CaptureQueriesContext(connection) as asked:
        yield
    statements = [query["sql"] for query in asked.captured_queries]
    written = [s for s in statements if _WRITES.match(s)]
    assert not [s for s in written if not _OF_EVERY_REQUEST.match(s)], written
