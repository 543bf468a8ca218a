"""Hosts whose clocks are wrong share a queue whose clock is the database's."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from tests.delivery.backlog import publish, subscription
from tests.delivery.settlements import retry
from webhooks.delivery import outbox
from webhooks.models import Delivery

URL = "https://receiver.example.com/hook"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql("a SQLite file has the clock of the host that opens it"),
]


@pytest.mark.parametrize("hours", [-3, 3])
def test_what_a_host_with_a_wrong_clock_publishes_is_sent_at_once(hours):
    hook = subscription(URL)
    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        publish(hook)

    assert len(outbox.claim(limit=10).ids) == 1


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_host_with_a_wrong_clock_takes_what_is_due_and_no_more(hours):
    leased, later, due = publish(subscription(URL), 3)
    Delivery.objects.filter(id=later.id).update(
        due_at=timezone.now() + timedelta(hours=1)
    )
    Delivery.objects.filter(id=leased.id).update(
        due_at=timezone.now() - timedelta(minutes=1)
    )
    assert outbox.claim(limit=1).ids == [leased.id]

    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        jobs = outbox.load(outbox.claim(limit=10))
        assert [job.id for job in jobs] == [due.id]
        outbox.settle([retry(job, timedelta(minutes=5)) for job in jobs])

    due.refresh_from_db()
    assert due.due_at is not None
    assert 295 < (due.due_at - timezone.now()).total_seconds() < 305


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata"])
def test_a_session_in_another_zone_loads_the_same_moments(zone):
    (delivery,) = publish(subscription(URL))
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE %s", [zone])
    try:
        (job,) = outbox.load(outbox.claim(limit=1))
    finally:
        connection.close()
    assert job.occurred_at == delivery.event.occurred_at
    assert job.occurred_at.utcoffset() == timedelta(0)
