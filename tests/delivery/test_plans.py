"""The plans of the queue's statements on PostgreSQL, which are kept as long as a connection."""

import pytest
from django.db import connection, transaction

from tests.delivery.backlog import publish, subscription
from tests.delivery.settlements import claimed, result
from webhooks.delivery import outbox

pytestmark = [
    pytest.mark.postgresql("SQLite makes a plan each time"),
    pytest.mark.django_db(transaction=True),
]

WAITING, LIMIT = 2_000, 10


def deliveries_read():
    """By the transaction so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables "
            "WHERE relname = 'webhooks_delivery'"
        )
        (read,) = cursor.fetchone()
    return read


def test_a_claim_that_was_planned_for_empty_tables_reads_only_what_it_takes():
    connection.close()  # and what it has prepared
    for _ in range(10):
        assert outbox.claim(limit=LIMIT).ids == []
    publish(subscription("https://receiver.example.com/"), WAITING)

    with transaction.atomic():
        before = deliveries_read()
        assert len(outbox.claim(limit=LIMIT).ids) == LIMIT
        assert deliveries_read() - before < 10 * LIMIT


def test_a_settlement_that_was_planned_for_few_reads_only_what_it_writes():
    connection.close()
    hook = subscription("https://receiver.example.com/")
    for _ in range(10):
        publish(hook)
        outbox.settle([result(job) for job in claimed()])
    publish(hook, WAITING)
    settlements = [result(job) for job in claimed(LIMIT)]

    with transaction.atomic():
        before = deliveries_read()
        assert outbox.settle(settlements).count == LIMIT
        assert deliveries_read() - before < 10 * LIMIT
