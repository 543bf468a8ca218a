"""No page of the admin reads through a table that grows, whatever it is asked for.

SQLite says how it would find the rows of a statement: `SEARCH` by an index, `SCAN` through
the table or an index, and `TEMP B-TREE` where it sorts what it found. A list that is not
narrowed scans the index of its order and stops after a page.
"""

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.http import urlencode

from webhooks.admin.rows import ReadOnlyRows
from webhooks.models import Worker

from .test_pages import row_of

pytestmark = pytest.mark.sqlite("It is SQLite that is asked for its plans.")

GROWING = [
    model
    for model, rows in admin.site._registry.items()
    if isinstance(rows, ReadOnlyRows) and model is not Worker
]
LOGS = [m for m in GROWING if not admin.site._registry[m].searched_words]  # type: ignore[attr-defined]


def plans(client: Client, address: str, model: type) -> list[str]:
    """How the statements that read rows of `model` for the page at `address` find them."""
    table = f'FROM "{model._meta.db_table}"'  # type: ignore[attr-defined]
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    found = []
    for query in asked:
        if table in query["sql"]:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                found += [step[-1] for step in cursor.fetchall()]
    assert found
    return found


def address(model: Any, query: str = "") -> str:
    return reverse(f"admin:webhooks_{model._meta.model_name}_changelist") + query


@pytest.mark.parametrize("model", GROWING)
def test_a_list_comes_in_the_order_of_an_index(console: Client, model) -> None:
    row_of(model)
    steps = plans(console, address(model), model)
    assert not [step for step in steps if "B-TREE" in step]


@pytest.mark.parametrize("model", GROWING)
def test_a_search_for_an_id_uses_an_index(console: Client, model) -> None:
    id = "00000000-0000-7000-8000-000000000000"
    for term in (id, id.upper()):
        steps = plans(console, address(model, f"?q={term}"), model)
        assert not [step for step in steps if step.startswith("SCAN webhooks")]


@pytest.mark.parametrize("model", LOGS)
def test_a_search_for_words_reads_no_log(console: Client, model) -> None:
    row_of(model)
    with CaptureQueriesContext(connection) as asked:
        page = console.get(address(model, "?q=words")).content.decode()
    assert "Nothing matches." in page
    assert not [q for q in asked if f'FROM "{model._meta.db_table}"' in q["sql"]]


@pytest.mark.parametrize("model", LOGS)
def test_a_list_is_filtered_by_what_an_index_finds(console: Client, model) -> None:
    row, found = row_of(model), 0
    for field in model._meta.concrete_fields:
        value = getattr(row, field.attname) or row.pk
        query = urlencode({f"{field.name}__exact": value})
        if console.get(address(model, f"?{query}")).status_code == 400:
            continue
        found += 1
        steps = plans(console, address(model, f"?{query}"), model)
        assert not [step for step in steps if step.startswith("SCAN webhooks")], query
    assert found


@pytest.mark.parametrize("model", GROWING)
def test_the_rows_that_belong_to_a_row_are_found_by_an_index(
    console: Client, model
) -> None:
    row = row_of(model)
    rows: Any = admin.site._registry[model]
    for below in rows.below:
        query = f"?{model._meta.model_name}__id__exact={row.pk}"
        page = console.get(reverse(f"admin:webhooks_{model._meta.model_name}_change", args=[row.pk]))  # fmt: skip
        assert f'href="{address(below, query)}"' in page.content.decode()
        steps = plans(console, address(below, query), below)
        assert not [step for step in steps if step.startswith("SCAN webhooks")]
