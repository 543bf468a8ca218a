"""Statements that are prepared: which ones, how many, and how they find their rows."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import NotSupportedError

from tests import factories, pooler
from tests.delivery.cluster import database_url
from webhooks.models import ApiKey, Delivery, partners, prepared
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
    assert statements() == ["SELECT 1", "SELECT 2"]


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
        assert execute(read) == [("a",)]
    finally:
        done("DROP TABLE changing")


def test_a_key_is_found_by_its_index_whatever_the_plan():
    partner = factories.unlimited(factories.partner())
    first, _ = factories.key(partner)
    ApiKey.objects.bulk_create(
        ApiKey(
            partner=partner,
            prefix=f"{number:010}",
            digest=first.digest,
            pepper=first.pepper,
            created_at=first.created_at,
        )
        for number in range(2000)
    )
    done("ANALYZE webhooks_apikey")
    done("SET plan_cache_mode = force_generic_plan")
    done(f"PREPARE any_plan AS {partners.NAMED.replace('%s', '$1')}")
    plan = str(asked(f"EXPLAIN EXECUTE any_plan ('{first.prefix}')"))
    assert "$1" in plan
    assert "Seq Scan" not in plan


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
