from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db.models.functions import Now
from django.utils import timezone

from webhooks.delivery import heartbeat
from webhooks.models import Worker

pytestmark = pytest.mark.django_db


def silent_for(worker, **time):
    Worker.objects.filter(id=worker).update(seen_at=Now() - timedelta(**time))


def test_there_is_no_heartbeat_before_the_first_worker():
    status = heartbeat.status()
    assert (status.registered, status.alive, status.last_seen) == (0, 0, None)
    assert not status.is_silent


def test_a_worker_is_seen_from_its_first_beat():
    before = timezone.now() - timedelta(milliseconds=2)  # SQLite keeps milliseconds
    worker = uuid4()

    heartbeat.beat(worker, "local")

    row = Worker.objects.get()
    assert (row.id, row.backend) == (worker, "local")
    assert row.host
    assert row.started_at == row.seen_at
    assert before <= row.seen_at <= timezone.now()
    status = heartbeat.status()
    assert (status.registered, status.alive) == (1, 1)
    assert status.last_seen == row.seen_at


def test_a_beat_moves_what_was_seen_and_not_the_start():
    worker = uuid4()
    heartbeat.beat(worker, "local")
    started = datetime(2026, 11, 20, tzinfo=UTC)
    Worker.objects.update(started_at=started)
    silent_for(worker, seconds=12)

    heartbeat.beat(worker, "local")

    row = Worker.objects.get()
    assert row.started_at == started
    assert timezone.now() - row.seen_at < timedelta(seconds=5)


@pytest.mark.parametrize(("seconds", "is_silent"), [(25, False), (31, True)])
def test_workers_are_silent_after_half_a_minute_without_a_heartbeat(seconds, is_silent):
    for _ in range(2):
        worker = uuid4()
        heartbeat.beat(worker, "local")
        silent_for(worker, seconds=seconds)

    assert heartbeat.status().is_silent is is_silent


def test_one_live_worker_is_enough():
    dead = uuid4()
    heartbeat.beat(dead, "local")
    silent_for(dead, hours=1)
    heartbeat.beat(uuid4(), "celery")

    status = heartbeat.status()

    assert (status.registered, status.alive) == (2, 1)
    assert not status.is_silent


def test_a_worker_that_only_claims_does_not_count_as_a_sender():
    sender = uuid4()
    heartbeat.beat(uuid4(), "celery")
    heartbeat.beat(sender, heartbeat.SENDER)
    assert not heartbeat.status().is_silent

    silent_for(sender, minutes=1)

    assert heartbeat.status().is_silent


def test_a_worker_that_was_stopped_properly_is_not_missed():
    worker, other = uuid4(), uuid4()
    heartbeat.beat(worker, "local")
    heartbeat.beat(other, "local")

    heartbeat.leave(worker)

    assert Worker.objects.get().id == other


def test_a_live_worker_deletes_heartbeats_older_than_a_day():
    dead, silent, alive = uuid4(), uuid4(), uuid4()
    for worker in (dead, silent):
        heartbeat.beat(worker, "local")
    silent_for(dead, hours=25)
    silent_for(silent, hours=23)

    assert heartbeat.status().registered == 2
    heartbeat.beat(alive, "local")

    assert set(Worker.objects.values_list("id", flat=True)) == {silent, alive}


def test_the_clock_is_the_databases():
    worker = uuid4()
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        heartbeat.beat(worker, "local")
        assert heartbeat.status().alive == 1

    assert Worker.objects.get().seen_at < timezone.now() + timedelta(minutes=1)
    assert heartbeat.status().alive == 1


def test_it_costs_the_same_for_any_number_of_workers(django_assert_max_num_queries):
    for _ in range(20):
        heartbeat.beat(uuid4(), "local")

    with django_assert_max_num_queries(2):
        heartbeat.beat(uuid4(), "local")
    with django_assert_max_num_queries(1):
        heartbeat.status()
