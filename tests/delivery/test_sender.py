"""The sender of a Celery worker's process, in the process of the test."""

import subprocess
import sys
import threading
from contextlib import contextmanager
from uuid import uuid4

import pytest

from portal import celery as portal_celery
from tests.delivery.backlog import queued
from tests.delivery.cluster import begun, states
from tests.management import portal
from tests.waiting import PATIENCE, eventually
from webhooks.delivery import heartbeat, outbox
from webhooks.delivery.backends import celery_app
from webhooks.delivery.backends.sender import Sender
from webhooks.models import Attempt, AuditEntry, Delivery
from webhooks.operations import endpoint_notifications

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def sender(**options):
    running = Sender(notify=endpoint_notifications.write, **options)
    try:
        yield running
    finally:
        running.stop()


def reserve(limit=100):
    return outbox.claim(limit=limit, is_begun=False)


def test_it_sends_what_was_reserved_and_keeps_its_connection(receiver):
    with sender() as running:
        for _ in range(3):
            queued(receiver.url())
            claim = reserve()
            running.take(claim.token, claim.ids)
            eventually(lambda: "pending" not in states())

    assert states() == {"delivered": 3}
    assert receiver.connections == 1


def test_it_is_seen_while_it_runs_and_not_missed_afterwards():
    with sender():
        eventually(lambda: heartbeat.status().senders_alive == 1)

    assert heartbeat.status().registered == 0


def test_it_takes_nothing_that_is_not_the_tokens_any_more(receiver):
    queued(receiver.url(), 2)
    claim = reserve()
    with sender() as running:
        running.take(uuid4(), claim.ids)
        running.take(claim.token, claim.ids)
        running.take(claim.token, claim.ids)
        eventually(lambda: states() == {"delivered": 2})
        running.take(claim.token, claim.ids)

    assert len(receiver.requests) == Attempt.objects.count() == 2


def test_it_takes_no_more_than_it_has_room_for_until_it_has(receiver):
    answers = threading.Event()
    receiver.answer(until=answers)
    queued(receiver.url(), 16)
    claim = reserve()
    with sender(concurrency=2) as running:
        running.take(claim.token, claim.ids[:14])
        with pytest.raises(TimeoutError):
            running.take(claim.token, claim.ids[14:], within=0.1)
        assert not begun().filter(id__in=claim.ids[14:]).exists()
        answers.set()
        running.take(claim.token, claim.ids[14:], within=PATIENCE)
        eventually(lambda: states() == {"delivered": 16})


def test_when_it_stops_it_finishes_what_is_sent_and_gives_back_the_rest(receiver):
    receiver.answer(delay=0.5)
    queued(receiver.url(), 6)
    claim = reserve()
    with sender(concurrency=2) as running:
        running.take(claim.token, claim.ids)
        receiver.wait_for(1)

    sent = len(receiver.requests)
    assert states() == {"delivered": sent, "pending": 6 - sent}
    waiting = Delivery.objects.pending()
    assert set(waiting.values_list("claim_token", "lost_claims")) == {(None, 0)}


def test_a_sender_that_fails_takes_its_process_with_it():
    code = """
import django; django.setup()
from webhooks.delivery.backends import sender
async def fail(*_): raise OSError("no such thing")
sender.LocalBackend.__aenter__ = fail
sender.Sender(notify=list)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=portal.environment(
            "sqlite://:memory:", DJANGO_SETTINGS_MODULE="portal.settings"
        ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert "The sender failed" in done.stderr


@pytest.fixture
def tasks():
    """Tasks run in this process, and their sender ends with the test."""
    yield
    celery_app._stop()
    celery_app._sender = None
    celery_app._stop()  # a process that has sent nothing has nothing to stop


@pytest.mark.usefixtures("tasks")
def test_the_task_hands_its_ids_to_the_sender_and_rejects_what_has_no_room(
    receiver, monkeypatch
):
    queued(receiver.url())
    claim = reserve()
    ids = [str(id) for id in claim.ids]

    celery_app.send(str(claim.token), ids)
    eventually(lambda: states() == {"delivered": 1})
    one = celery_app._current()
    assert celery_app._current() is one, "one sender for all tasks"

    def full(*_):
        raise TimeoutError

    monkeypatch.setattr(one, "take", full)
    with pytest.raises(celery_app.Reject) as rejected:
        celery_app.send(str(claim.token), ids)
    assert rejected.value.requeue


@pytest.mark.usefixtures("tasks")
def test_celery_workers_of_the_portal_write_endpoint_notifications(receiver):
    receiver.answer(status=410)
    queued(receiver.url())
    claim = reserve()

    send = portal_celery.app.tasks["webhooks.send"]
    send(str(claim.token), [str(id) for id in claim.ids])

    entries = AuditEntry.objects.filter(action="endpoint.disabled")
    eventually(entries.exists)


def test_a_message_is_acknowledged_late_and_kept_nowhere():
    conf = celery_app.app.conf
    assert celery_app.send.acks_late
    assert celery_app.send.reject_on_worker_lost
    assert celery_app.send.ignore_result
    assert (conf.result_backend, conf.accept_content) == (None, ["json"])
