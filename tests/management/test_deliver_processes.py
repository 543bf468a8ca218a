"""`manage.py deliver --processes`: one command, several processes that share the work."""

import os
import signal
import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command

from tests.delivery.backlog import all_due, publish, queued, subscription
from tests.delivery.cluster import database_url, states
from tests.waiting import PATIENCE, eventually
from webhooks.models import Attempt, Delivery, Worker

from . import portal

pytestmark = pytest.mark.django_db(transaction=True)

only_on_postgresql = pytest.mark.postgresql("SQLite has one process")
TWELVE = 12.0
"""Seconds in which a worker ends."""


@contextmanager
def delivering(folder, *options, **environment):
    with portal.Running(
        *("deliver", *options),
        database_url=database_url(),
        log=folder / "log",
        WEBHOOKS_EGRESS_ALLOW="127.0.0.0/8",
        **environment,
    ) as running:
        yield running


def has_begun(*, count):
    eventually(lambda: Worker.objects.count() == count)


def beating():
    return set(Worker.objects.values_list("pid", flat=True))


def unfinished():
    return Delivery.objects.exclude(state=Delivery.State.DELIVERED)


def arrived(receiver):
    """How often each event."""
    return Counter(request.header("webhook-id") for request in receiver.requests)


@only_on_postgresql
def test_several_processes_deliver_each_once(receiver, tmp_path):
    receiver.answer(delay=0.02)
    hook = subscription(receiver.url())

    with delivering(tmp_path, "--processes=3", "--concurrency=4") as running:
        has_begun(count=3)
        assert beating() == portal.children(running.process.pid)
        publish(hook, 300)
        eventually(lambda: states() == {"delivered": 300})
        assert running.stop() == 0

    assert set(arrived(receiver).values()) == {1}
    assert len(receiver.requests) == Attempt.objects.count() == 300
    assert not Delivery.objects.filter(lost_claims__gt=0).exists()
    assert not Worker.objects.exists()


@only_on_postgresql
def test_each_has_as_many_requests_under_way_as_it_is_told(receiver, tmp_path):
    receiver.answer(delay=2)

    with delivering(tmp_path, "--processes=2", "--concurrency=3") as running:
        has_begun(count=2)
        for n in range(12):
            queued(receiver.url(f"/{n}"), 2)
        receiver.wait_for(6)
        first = [request.at for request in receiver.requests[:6]]
        assert max(first) - min(first) < 2, "all are under way before one is answered"
        eventually(lambda: not unfinished().exists())
        assert running.stop() == 0


@only_on_postgresql
def test_together_they_keep_the_order_of_a_subscription(receiver, tmp_path):
    receiver.answer(delay=0.02)
    queue = publish(subscription(receiver.url(), is_ordered=True), 20)

    with delivering(tmp_path, "--processes=3", "--until-idle") as running:
        assert running.process.wait(PATIENCE) == 0

    assert [r.header("webhook-id") for r in receiver.requests] == [
        str(delivery.event_id) for delivery in queue
    ]
    spans = Attempt.objects.order_by("started_at")
    for (started, lasted), (following, _) in pairwise(
        spans.values_list("started_at", "duration_ms")
    ):
        assert following - started >= timedelta(milliseconds=lasted - 1)


@only_on_postgresql
def test_together_they_keep_the_limits_of_an_endpoint(receiver, tmp_path):
    rate = 20  # a second
    publish(subscription(receiver.url(), rate_per_minute=60 * rate), 60)
    hook = subscription(receiver.url("/few"), max_in_flight=2)
    receiver.answer("/few", delay=0.05)
    publish(hook, 40)
    started = time.time()

    with delivering(tmp_path, "--processes=3", "--until-idle") as running:
        assert running.process.wait(PATIENCE) == 0

    assert states() == {"delivered": 100}
    paced = [r for r in receiver.requests if r.path != "/few"]
    for n, request in enumerate(paced):
        # Half a second's worth may go early.
        assert request.at - started >= (n - 1) / rate - 0.5, f"{n} came too early"
    spans = Attempt.objects.filter(delivery__endpoint__subscription=hook)
    moments = []
    for begin, lasted in spans.values_list("started_at", "duration_ms"):
        moments += [(begin, 1), (begin + timedelta(milliseconds=lasted - 1), -1)]
    under_way = most = 0
    for _, change in sorted(moments):
        under_way += change
        most = max(most, under_way)
    assert most == 2


@only_on_postgresql
def test_until_idle_it_ends_when_all_are_idle(receiver, tmp_path):
    receiver.answer(delay=1)
    queued(receiver.url(), 12)

    with delivering(
        tmp_path, "--processes=2", "--until-idle", "--concurrency=4"
    ) as running:
        assert running.process.wait(PATIENCE) == 0

    assert states() == {"delivered": 12}
    assert running.output.count("Done delivering.") == 2
    assert "ended" not in running.output


@only_on_postgresql
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_all_finish_what_they_send_and_give_back_the_rest(
    number, receiver, tmp_path
):
    receiver.answer(delay=1)

    with delivering(tmp_path, "--processes=2", "--concurrency=5") as running:
        has_begun(count=2)
        queued(receiver.url(), 40)
        receiver.wait_for(6)  # more than one of them sends
        children = portal.children(running.process.pid)
        told = time.monotonic()
        assert running.stop(number) == 0
        assert time.monotonic() - told < TWELVE

    sent = len(receiver.requests)
    assert states() == {"delivered": sent, "pending": 40 - sent}
    left = unfinished().values_list("claim_token", "lost_claims")
    assert set(left) == {(None, 0)}
    assert not portal.alive(children)
    assert not Worker.objects.exists()
    assert "ERROR" not in running.output


@only_on_postgresql
def test_ctrl_c_once_more_ends_all_at_once_and_sigterm_once_more_does_not(
    receiver, tmp_path
):
    receiver.answer(delay=30)
    queued(receiver.url())

    with delivering(tmp_path, "--processes=2") as running:
        receiver.wait_for(1)
        children = portal.children(running.process.pid)
        for _ in range(2):
            running.process.send_signal(signal.SIGTERM)
            time.sleep(1)
        assert portal.alive(children), "one still waits for its answer"
        told = time.monotonic()
        assert running.stop(signal.SIGINT) == 0
        assert time.monotonic() - told < 3

    assert not portal.alive(children)
    assert unfinished().get().claim_token, "it is due when its lease runs out"


@only_on_postgresql
def test_none_outlives_a_killed_command_and_what_is_sent_is_finished(
    receiver, tmp_path
):
    receiver.answer(delay=2)

    with delivering(tmp_path, "--processes=2", "--concurrency=3") as running:
        has_begun(count=2)
        for n in range(12):
            queued(receiver.url(f"/{n}"), 2)
        receiver.wait_for(4)
        children = portal.children(running.process.pid)
        assert len(children) == 2
        running.stop(signal.SIGKILL)
        eventually(lambda: not portal.alive(children), TWELVE + 2)

    sent = len(receiver.requests)
    assert states()["delivered"] == sent
    assert not unfinished().exclude(claim_token=None).exists()
    assert not Worker.objects.exists()


@only_on_postgresql
def test_a_killed_process_is_replaced_and_others_send_what_it_held(receiver, tmp_path):
    receiver.answer(delay=0.3)
    hook = subscription(receiver.url())

    with delivering(tmp_path, "--processes=2", "--concurrency=4") as running:
        has_begun(count=2)
        publish(hook, 60)
        receiver.wait_for(8)
        first = portal.children(running.process.pid)
        victim = min(first)
        os.kill(victim, signal.SIGKILL)
        running.wait_for(r"deliver-\d ended \(signal 9\); the next is started in 1 s")
        eventually(lambda: len(portal.children(running.process.pid) - first) == 1)
        has_begun(count=3)  # the dead one's stays, and falls silent
        all_due()  # the leases run out
        eventually(lambda: states() == {"delivered": 60})
        assert running.stop() == 0

    assert set(arrived(receiver).values()) <= {1, 2}
    assert len(arrived(receiver)) == Attempt.objects.count() == 60
    assert beating() == {victim}


@only_on_postgresql
def test_what_keeps_all_of_them_from_beginning_is_told_once(tmp_path):
    with portal.fresh_database(tmp_path) as empty:
        done = portal.manage("deliver", "--processes=3", database_url=empty)

    assert done.returncode == 1
    assert done.stderr.count("This process failed.") == 1
    assert 'relation "webhooks_' in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "CommandError: deliver-1 ended before it had begun (status 1)."
    )


@only_on_postgresql
def test_every_line_of_the_log_says_which_process_wrote_it(tmp_path):
    with delivering(tmp_path, "--processes=2") as running:
        has_begun(count=2)
        assert running.stop() == 0

    lines = running.output.splitlines()
    assert any(line.endswith("Delivering in 2 processes.") for line in lines)
    done = [line for line in lines if "Done delivering." in line]
    assert sorted(line.rpartition(" ")[2] for line in done) == [
        "process_name=deliver-1",
        "process_name=deliver-2",
    ]


@pytest.mark.once
@pytest.mark.parametrize("count", ["0", "-1", "two", ""])
def test_it_refuses_counts_that_make_no_sense(count):
    with pytest.raises(CommandError):
        call_command("deliver", f"--processes={count}")


@pytest.mark.sqlite("it has one writer")
def test_on_sqlite_it_refuses_several(receiver):
    with pytest.raises(CommandError, match="On SQLite several processes"):
        call_command("deliver", "--processes=2")

    queued(receiver.url())
    call_command("deliver", "--processes=auto", "--until-idle")
    assert states() == {"delivered": 1}


@only_on_postgresql
def test_auto_is_a_process_for_each_core(tmp_path):
    cores = len(os.sched_getaffinity(0))
    with delivering(tmp_path, "--processes=auto") as running:
        has_begun(count=cores)
        running.stop()
