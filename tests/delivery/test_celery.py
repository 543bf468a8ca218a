"""Delivery through Celery: processes of their own, a broker of their own."""

import base64
import json
import os
import shutil
import signal
import socket
import time
import uuid
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from tests.delivery.backlog import publish, queued, subscription
from tests.delivery.cluster import (
    Cluster,
    begun,
    reserved,
    run_out,
    states,
)
from tests.management import portal
from tests.redis_server import Redis
from tests.waiting import eventually
from webhooks.delivery import backends, heartbeat, standard
from webhooks.delivery.backends import celery_app
from webhooks.models import Attempt, Delivery, Worker

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not shutil.which("redis-server"), reason="redis-server is missing"
    ),
]


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path) as running:
        yield running


@pytest.fixture
def cluster(redis, tmp_path):
    return Cluster(redis.url, tmp_path)


def sent(receiver) -> Counter[str | None]:
    """How often each event arrived."""
    return Counter(request.header("webhook-id") for request in receiver.requests)


def test_everything_arrives_once_over_connections_that_are_kept(receiver, cluster):
    hook = subscription(receiver.url())
    publish(hook, 400)

    with cluster.worker() as worker, cluster.claimer("--concurrency=50") as claimer:
        eventually(lambda: states() == {"delivered": 400})
        before = receiver.connections
        publish(hook)
        eventually(lambda: states() == {"delivered": 401})
        assert receiver.connections == before
        claimer.stop()
        worker.stop()

    assert set(sent(receiver).values()) == {1}
    assert Attempt.objects.count() == len(receiver.requests) == 401
    assert not Delivery.objects.filter(lost_claims__gt=0).exists()


@pytest.mark.once
def test_each_process_of_a_pool_has_a_heartbeat_before_it_gets_work(cluster):
    with cluster.worker("--concurrency=3") as worker:
        eventually(lambda: heartbeat.status().senders_alive == 3)
        pids = set(Worker.objects.values_list("pid", flat=True))
        assert pids <= set(worker.children)
        victim = min(pids)
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: Worker.objects.exclude(pid__in=pids).count() == 1)
        worker.stop()

    assert [each.pid for each in Worker.objects.all()] == [victim]


@pytest.mark.once
def test_without_a_number_a_pool_has_a_process_for_each_core_and_none_outlives_it(
    cluster,
):
    with cluster.worker("--concurrency=auto") as worker:
        cores = len(os.sched_getaffinity(0))
        eventually(lambda: heartbeat.status().senders_alive == cores)
        children = set(worker.children)
        worker.process.kill()
        eventually(lambda: not portal.alive(children))

    assert celery_app.app.conf.worker_concurrency == "auto"


@pytest.mark.once
def test_until_idle_it_ends_when_the_workers_are_done(receiver, cluster):
    receiver.answer(delay=1)
    queued(receiver.url(), 60)

    with cluster.worker(), cluster.claimer("--until-idle") as claimer:
        claimer.ended()
        assert states() == {"delivered": 60}


@pytest.mark.once
def test_a_message_carries_ids_and_no_more(redis, cluster):
    hook = subscription("http://127.0.0.1:1999/secret-path")
    publish(hook, 120, data={"name": "Ada"})

    with cluster.claimer() as claimer:
        eventually(lambda: len(redis.messages()) == 3)
        claimer.stop()

    claimed = {(str(t), str(i)) for t, i in reserved().values_list("claim_token", "id")}
    carried = []
    for text in redis.messages():
        assert b"secret-path" not in text
        message = json.loads(text)
        assert message["headers"]["eta"] is message["headers"]["expires"] is None
        (token, ids), _, _ = json.loads(base64.b64decode(message["body"]))
        carried += [(token, id) for id in ids]
    assert len(carried) == 120
    assert set(carried) == claimed


def test_without_workers_the_broker_does_not_fill_and_no_claim_is_lost(
    receiver, redis, cluster
):
    queued(receiver.url("/a"), 40)
    queued(receiver.url("/b"), 40)

    with cluster.claimer("--concurrency=10") as claimer:
        eventually(lambda: len(redis.messages()) >= 2 and reserved().count() >= 10)
        time.sleep(0.5)
        assert reserved().count() <= 30, "three times the concurrency"
        sizes = len(redis.messages())
        for _ in range(3):
            run_out(reserved())
            eventually(lambda: reserved().filter(due_at__gt=Now()).exists())
        eventually(lambda: reserved().filter(due_at__gt=Now()).count() == 10)
        time.sleep(0.5)
        assert reserved().filter(due_at__gt=Now()).count() <= 10
        assert len(redis.messages()) <= sizes + 3
        assert claimer.log.count("No Celery worker took") == 1
        with cluster.worker():
            eventually(lambda: states() == {"delivered": 80})

    assert set(sent(receiver).values()) == {1}
    assert not Delivery.objects.filter(lost_claims__gt=0).exists()


@pytest.mark.once
def test_an_endpoint_that_hangs_leaves_room_for_the_others(receiver, cluster):
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        cluster.worker(),
        cluster.claimer("--concurrency=20"),
    ):
        queued(f"http://127.0.0.1:{deaf.getsockname()[1]}/", 300)
        eventually(lambda: begun().count() >= 20)
        began = time.monotonic()
        queued(receiver.url(), 100)
        eventually(lambda: states()["delivered"] == 100)
        ended = Attempt.objects.exclude(outcome="ok").count()
        rounds = 1 + (time.monotonic() - began) // standard.TIMEOUT
        assert ended <= 20 * rounds, "nobody waited for more than were under way"


def test_a_wiped_broker_costs_time_and_nothing_else(receiver, redis, cluster):
    receiver.answer(delay=0.2)
    hook = subscription(receiver.url())
    publish(hook, 100)

    with cluster.worker() as worker, cluster.claimer() as claimer:
        receiver.wait_for(100)
        # The process that fetches; on SQLite a frozen sender may hold the lock.
        worker.process.send_signal(signal.SIGSTOP)
        publish(hook, 100)
        # Two messages: the worker's socket may already have received the first.
        eventually(lambda: reserved().count() == 100 and redis.messages())
        redis.client.flushall()
        worker.process.send_signal(signal.SIGCONT)
        # What the worker's socket had received before was not the broker's to lose.
        eventually(lambda: states()["delivered"] >= 100 and not begun().exists())
        assert reserved().count() >= 50
        run_out(reserved())
        eventually(lambda: states() == {"delivered": 200})
        claimer.stop()
        worker.stop()

    assert set(sent(receiver).values()) == {1}
    assert not Delivery.objects.filter(lost_claims__gt=0).exists()


def test_messages_that_come_again_or_too_late_do_nothing(receiver, redis, cluster):
    receiver.answer(delay=0.5)
    queued(receiver.url(), 30)

    with cluster.claimer() as claimer:
        eventually(lambda: len(redis.messages()) == 1)
        (late,) = redis.messages()
        redis.client.flushall()
        run_out(reserved())
        eventually(lambda: len(redis.messages()) == 1)
        (valid,) = redis.messages()
        redis.client.rpush("webhooks", late, valid, late, valid)
        with cluster.worker() as worker:
            eventually(lambda: states() == {"delivered": 30})
            redis.client.rpush("webhooks", valid)
            eventually(
                lambda: not redis.messages() and not redis.client.hlen("unacked")
            )
            worker.stop()
        claimer.stop()

    assert set(sent(receiver).values()) == {1}
    assert len(receiver.requests) == Attempt.objects.count() == 30


@pytest.mark.parametrize("victim", ["sender", "worker"])
def test_what_a_killed_worker_had_in_hand_is_sent_by_another(
    receiver, cluster, tmp_path, victim
):
    receiver.answer(delay=0.4)
    queued(receiver.url(), 120)

    with cluster.worker() as worker, cluster.claimer("--concurrency=20"):
        eventually(lambda: states()["delivered"] >= 20 and begun().count() >= 20)
        recorded = set(_events(state="delivered"))
        pid = worker.children[0] if victim == "sender" else worker.process.pid
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
        assert begun().exists()
        run_out(begun())
        if victim == "sender":
            eventually(lambda: states() == {"delivered": 120})
        else:
            with cluster.worker():
                eventually(lambda: states() == {"delivered": 120})

    times = sent(receiver)
    assert len(times) == 120
    assert set(times.values()) <= {1, 2}
    assert {times[id] for id in recorded} == {1}
    assert Attempt.objects.count() == 120
    assert len({(r.header("webhook-id"), r.body) for r in receiver.requests}) == 120


def _events(**fields):
    found = Delivery.objects.filter(**fields).values_list("event_id", flat=True)
    return [str(id) for id in found]


def test_a_worker_that_is_told_to_end_finishes_what_it_sends_and_gives_back_the_rest(
    receiver, cluster
):
    receiver.answer(delay=2)
    queued(receiver.url(), 150)

    with cluster.worker() as worker, cluster.claimer() as claimer:
        receiver.wait_for(20)
        claimer.stop()
        worker.stop()

    delivered = states()["delivered"]
    assert delivered == len(receiver.requests) < 150
    assert not begun().exists()
    assert not Delivery.objects.filter(lost_claims__gt=0).exists()


@pytest.mark.once
def test_a_broker_that_is_away_is_waited_for(receiver, redis, tmp_path):
    queued(receiver.url(), 80)
    redis.__exit__()
    cluster = Cluster(redis.url, tmp_path)

    with cluster.claimer() as claimer:
        eventually(lambda: "The broker is away" in claimer.log)
        eventually(lambda: not reserved().exists())
        with redis, cluster.worker():
            eventually(lambda: states() == {"delivered": 80})
            claimer.stop()

    assert set(sent(receiver).values()) == {1}


@pytest.mark.once
def test_it_ends_soon_although_the_broker_is_away(redis, tmp_path):
    queued("http://127.0.0.1:1999/", 5)
    redis.__exit__()

    with Cluster(redis.url, tmp_path).claimer() as claimer:
        eventually(lambda: "The broker is away" in claimer.log)
        claimer.process.terminate()
        claimer.ended(seconds=30)  # as long as Kubernetes gives it

    assert not reserved().exists()


def _answers(host, port):
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.once
@pytest.mark.optional
@pytest.mark.skipif(
    not _answers("127.0.0.1", 5672), reason="no RabbitMQ at 127.0.0.1:5672"
)
def test_it_works_over_rabbitmq(receiver, tmp_path):
    cluster = Cluster(
        "amqp://guest:guest@127.0.0.1:5672//",
        tmp_path,
        CELERY_QUEUE=f"test-{uuid.uuid4().hex}",
    )
    queued(receiver.url(), 200)

    with cluster.worker() as worker, cluster.claimer("--until-idle") as claimer:
        claimer.ended()
        worker.stop()

    assert states() == {"delivered": 200}
    assert set(sent(receiver).values()) == {1}


@pytest.mark.once
def test_it_says_what_is_missing(settings, monkeypatch):
    settings.CELERY_BROKER_URL = ""
    with pytest.raises(CommandError, match="CELERY_BROKER_URL"):
        call_command("deliver", "--backend=celery")

    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with pytest.raises(CommandError, match="extra"):
        call_command("deliver", "--backend=celery")
