"""Statements that are prepared: which ones, how many, and how they find their rows."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import (
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from tests import factories, pooler
from tests.delivery.cluster import database_url
from webhooks.models import Delivery, outages, prepared
from webhooks.operations import keys

pytestmark = [
    pytest.mark.postgresql("SQLite's driver prepares by itself"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(autouse=True)
def new_connection() -> Iterator[None]:
    """No test begins with, or leaves, what another has prepared."""
    connection.close()
    yield
    connection.close()


def asked(statement: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[object, ...]] = cursor.fetchall()
    return rows


def done(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def statements() -> list[str]:
    """What the server has prepared for the connection."""
    return [
        str(text) for (text,) in asked("SELECT statement FROM pg_prepared_statements")
    ]


def execute(statement: str, *values: Any) -> list[tuple[object, ...]]:
    with prepared.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[object, ...]] = cursor.fetchall()
    return rows


def test_the_check_of_a_key_is_prepared_once():
    _, text = factories.key(factories.partner())
    for _ in range(3):
        keys.authenticate(text)
    (statement,) = statements()
    assert "webhooks_apikey" in statement


def test_what_the_orm_asks_is_not_however_often():
    for _ in range(20):
        list(Delivery.objects.filter(state="delivered").order_by("-id")[:50])
    assert statements() == []


def test_nothing_is_where_the_setting_says_so(settings):
    settings.DATABASE_PREPARED_STATEMENTS = False
    assert execute("SELECT %s::int + 1", 1) == [(2,)]
    assert statements() == []


def test_statements_outlive_a_transaction_that_is_rolled_back():
    execute("SELECT 1")
    with transaction.atomic():
        execute("SELECT 2")
        with transaction.atomic():
            transaction.set_rollback(True)
    assert sorted(statements()) == ["SELECT 1", "SELECT 2"]


def test_a_connection_keeps_a_bounded_number_of_them():
    """Although the text of none should vary."""
    long = "-" * 10_000
    used = []
    for number in range(600):
        execute(f"SELECT %s::int /* {number} {long} */", number)
        if number in (199, 599):
            sizes = "SELECT sum(total_bytes) FROM pg_backend_memory_contexts"
            used.append(int(str(asked(sizes)[0][0])))
    assert len(statements()) <= 101
    assert used[1] < 1.1 * used[0]


def test_nothing_is_kept_of_the_texts_that_django_writes_values_into():
    execute("SELECT 1")
    assert connection.connection.prepare_threshold is None
    with pytest.raises(Exception, match="nothing"):
        execute("SELECT nothing")
    assert connection.connection.prepare_threshold is None


def test_what_somebody_has_released_is_prepared_again():
    assert execute("SELECT 1") == [(1,)]
    done("DEALLOCATE ALL")
    assert execute("SELECT 1") == [(1,)]


def test_no_two_connections_use_the_same_names():
    names = []
    for _ in range(2):
        execute("SELECT 1")
        names += asked("SELECT name FROM pg_prepared_statements")
        connection.close()
    assert len(set(names)) == 2


def test_a_column_whose_type_a_migration_changes_is_read_on():
    done("CREATE TABLE changing (name varchar(9)); INSERT INTO changing VALUES ('a')")
    try:
        read = "SELECT name FROM changing"
        assert execute(read) == [("a",)]
        done("ALTER TABLE changing ALTER name TYPE varchar(99)")
        assert execute(read) == [("a",)]
        assert statements() == [read]

        done("ALTER TABLE changing ALTER name TYPE text")
        with pytest.raises(NotSupportedError), transaction.atomic():
            execute(read)  # nothing more can be executed in this transaction
        with transaction.atomic():
            assert execute(read) == [("a",)]
    finally:
        done("DROP TABLE changing")


@pytest.mark.optional
def test_a_pooler_is_recognised_and_then_nothing_is_prepared():
    if not pooler.is_installed():
        pytest.skip("PgBouncer is missing")
    settings_dict = connection.settings_dict
    with pooler.Pooler(database_url()) as between:
        pooled = connection.copy()
        pooled.settings_dict = {
            **settings_dict,
            "HOST": "127.0.0.1",
            "PORT": between.port,
        }
        with closing(pooled):
            pooled.connect()
            assert not pooled.keeps_prepared
    connection.connect()
    assert connection.keeps_prepared


# --- The cursor -----------------------------------------------------------------------


def test_parameters_have_places_or_names():
    assert execute("SELECT %s::int, %s::text, '%%'", 1, "a") == [(1, "a", "%")]
    with prepared.cursor() as cursor:
        cursor.execute(
            "SELECT %(b)s::text, %(a)s::int, %(b)s::text", {"a": 1, "b": "x", "c": 2}
        )
        assert cursor.fetchone() == ("x", 1, "x")
        assert cursor.fetchone() is None
        cursor.execute("SELECT generate_series(1, 3)")
        assert [*cursor] == [(1,), (2,), (3,)]
        assert cursor.rowcount == 3


@pytest.mark.parametrize("value", [None, True, -1, 2**40, 1.5, "é\\'\"\n", b"\0", [1]])
def test_values_are_those_of_psycopg(value):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [value])
        expected = cursor.fetchone()
    type_ = {bool: "bool", float: "float8", str: "text", bytes: "bytea"}.get(
        type(value), "int8" if isinstance(value, int) else "int[]"
    )
    assert execute(f"SELECT %s::{type_}", value) == [expected]
    # A number of another size is another type.
    assert execute("SELECT %s + 0, %s + 0", 1, 2**40) == [(1, 2**40)]
    assert execute("SELECT %s + 0, %s + 0", 2**40, 1) == [(2**40, 1)]


def test_a_statement_begins_the_transaction_that_it_is_in():
    partner = factories.partner()
    with transaction.atomic():
        execute("UPDATE webhooks_partner SET name = 'new' WHERE id = %s", partner.id)
        transaction.set_rollback(True)
    partner.refresh_from_db()
    assert partner.name != "new"


def test_errors_are_those_of_django():
    first, second = factories.partner(), factories.partner()
    with pytest.raises(IntegrityError, match="name"), transaction.atomic():
        execute(
            "UPDATE webhooks_partner SET name = %s WHERE id = %s",
            first.name,
            second.id,
        )
    with pytest.raises(ProgrammingError, match="nothing"):
        execute("SELECT nothing")
    assert execute("SELECT 1") == [(1,)]


def test_a_lost_connection_is_an_outage_and_is_replaced():
    execute("SELECT 1")
    ((pid,),) = execute("SELECT pg_backend_pid()")
    with closing(connection.copy()) as another, another.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with pytest.raises(OperationalError) as caught:
        execute("SELECT 1")
    assert outages.is_outage(caught.value)
    connection.close_if_unusable_or_obsolete()
    assert execute("SELECT 1") == [(1,)]
