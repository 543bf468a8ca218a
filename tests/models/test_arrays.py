"""Arrays of PostgreSQL are read back as they were given."""

import json
from datetime import UTC
from unittest.mock import patch

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from psycopg import ClientCursor

from webhooks.models import arrays, prepared

pytestmark = [
    pytest.mark.postgresql("the binary protocol is PostgreSQL's"),
    pytest.mark.django_db,
]

NO_NUL = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
KINDS = {
    "uuids": ("uuid", st.uuids()),
    "ints": ("int", st.integers(-(2**31), 2**31 - 1)),
    "floats": ("float8", st.floats(allow_nan=False)),
    "moments": (
        "timestamptz",
        st.datetimes(timezones=st.just(UTC)),
    ),
    "texts": ("text", NO_NUL),
    "byteas": ("bytea", st.binary()),
    "jsonbs": ("text", st.dictionaries(NO_NUL, NO_NUL).map(json.dumps)),
}


@pytest.mark.parametrize("is_apart", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_values_come_back(kind, is_apart, data):
    """Sent apart from the statement, and written into it, as behind a pooler."""
    type, values = KINDS[kind]
    given = data.draw(st.lists(st.none() | values, max_size=30))

    read = _read(f"array_agg(v::{type})", getattr(arrays, kind)(given), is_apart)
    if kind == "jsonbs":
        given, read = ([v and json.loads(v) for v in each] for each in (given, read))
    assert read == given


def test_the_type_does_not_depend_on_the_values():
    found = {arrays.ints(values).oid for values in ([], [None], [1], [70_000, None])}
    assert found == {1007}


def _read(expression, array, is_apart):
    statement = f"SELECT {expression} FROM unnest(%s) WITH ORDINALITY AS a(v, n)"
    connection.ensure_connection()
    with (
        patch.object(connection, "keeps_prepared", is_apart),
        prepared.cursor() as cursor,
    ):
        assert isinstance(cursor.cursor, ClientCursor) is not is_apart
        cursor.execute(statement, [array])
        (read,) = cursor.fetchone()
    return [bytes(v) if isinstance(v, memoryview) else v for v in read or []]
