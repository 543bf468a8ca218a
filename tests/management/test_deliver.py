"""The worker as it runs: processes of their own, over real sockets, on the test database."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.delivery.backlog import all_due, only, publish, queued, subscription
from tests.delivery.cluster import database_url, states
from tests.soak.freezer import stop_without_lock
from tests.waiting import PATIENCE, eventually
from webhooks.models import Attempt, Delivery

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def worker(*options):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "deliver", *options],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "WEBHOOKS_EGRESS_ALLOW": "127.0.0.0/8",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(process, timeout=PATIENCE) -> str:
    """What it logged; it must have ended with 0."""
    log: str = process.communicate(timeout=timeout)[1]
    assert process.returncode == 0, log
    return log


def test_until_idle_it_delivers_what_is_due_and_ends(receiver):
    queued(receiver.url(), 50)
    (later,) = queued(receiver.url("/later"))
    Delivery.objects.filter(id=later.id).update(
        due_at=timezone.now() + timedelta(hours=1)
    )

    with worker("--until-idle") as process:
        log = finished(process)

    assert len(receiver.requests) == 50
    assert states() == {"delivered": 50, "pending": 1}
    assert "Traceback" not in log


def test_until_idle_it_waits_for_what_another_worker_has_in_hand(receiver):
    receiver.answer(delay=2.5)
    queued(receiver.url())

    with worker() as first:
        receiver.wait_for(1)
        with worker("--until-idle") as second:
            finished(second)
            assert only().state == Delivery.State.DELIVERED
        first.terminate()
        finished(first)

    assert len(receiver.requests) == 1


def test_on_sigterm_it_finishes_what_is_sent_gives_back_the_rest_and_exits(receiver):
    receiver.answer(delay=1)
    queued(receiver.url(), 30)

    with worker("--concurrency=5") as process:
        receiver.wait_for(5)
        process.send_signal(signal.SIGTERM)
        log = finished(process)

    sent = len(receiver.requests)
    assert 5 <= sent <= 10
    assert states() == {"delivered": sent, "pending": 30 - sent}
    waiting = Delivery.objects.pending()
    assert set(waiting.values_list("claim_token", "lost_claims")) == {(None, 0)}
    assert not waiting.filter(due_at__gt=timezone.now()).exists()
    assert "Traceback" not in log


def test_a_killed_workers_deliveries_arrive_all_the_same(receiver):
    receiver.answer(delay=0.4)
    queued(receiver.url(), 40)

    with worker("--concurrency=10") as process:
        eventually(lambda: states()["delivered"] >= 10)
        process.send_signal(signal.SIGKILL)
        process.wait()
    recorded = {
        str(id)
        for id in Delivery.objects.filter(state="delivered").values_list(
            "event_id", flat=True
        )
    }
    assert Delivery.objects.filter(claim_token__isnull=False).exists()

    all_due()  # the leases run out
    with worker("--until-idle") as process:
        finished(process)

    assert states() == {"delivered": 40}
    assert Attempt.objects.count() == 40
    times = Counter(request.header("webhook-id") for request in receiver.requests)
    assert len(times) == 40
    # Twice at most, and only what had not been recorded when the worker died.
    assert {times[id] for id in recorded} <= {1}
    assert set(times.values()) == {1, 2}
    assert len({(r.header("webhook-id"), r.body) for r in receiver.requests}) == 40


def test_two_workers_share_the_work_and_send_nothing_twice(receiver):
    receiver.answer(delay=0.02)
    hook = subscription(receiver.url())
    with (
        worker("--concurrency=4") as first,
        worker("--concurrency=4") as second,
    ):
        publish(hook, 300)
        eventually(lambda: states()["delivered"] == 300)
        for process in (first, second):
            process.terminate()
            finished(process)

    assert states() == {"delivered": 300}
    ids = Counter(request.header("webhook-id") for request in receiver.requests)
    assert len(ids) == len(receiver.requests) == Attempt.objects.count() == 300
    assert not Delivery.objects.filter(lost_claims__gt=0).exists()


def test_a_worker_frozen_past_its_lease_changes_nothing_when_it_goes_on(receiver):
    answers = threading.Event()
    receiver.answer("/", until=answers).answer("/")
    queued(receiver.url())

    with worker() as frozen:
        receiver.wait_for(1)
        stop_without_lock(frozen.send_signal)
        all_due()
        with worker("--until-idle") as other:
            finished(other)
        settled = only()
        assert settled.state == Delivery.State.DELIVERED
        answers.set()
        frozen.send_signal(signal.SIGCONT)
        frozen.terminate()
        finished(frozen)

    assert only().settled_at == settled.settled_at
    assert only().attempts == Attempt.objects.count() == 1
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    "options", [["--concurrency=0"], ["--concurrency=x"], ["--backend=none"]]
)
def test_it_refuses_options_that_make_no_sense(options):
    with pytest.raises(CommandError):
        call_command("deliver", *options)


def test_it_runs_in_the_calling_process_too(receiver):
    queued(receiver.url())

    call_command("deliver", "--until-idle", "--concurrency=2")

    assert only().state == Delivery.State.DELIVERED
