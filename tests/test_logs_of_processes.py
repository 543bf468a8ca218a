"""Every process logs in the one form: the web, the worker, and Celery's."""

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.backlog import publish, subscription
from tests.delivery.cluster import Cluster, states
from tests.management import portal
from tests.redis_server import Redis
from tests.waiting import eventually
from webhooks.models import SigningSecret, encryption

# For people, on standard output.
PRINTED = ("Webhook Portal ", "Serving ")
JSON = {"LOG_FORMAT": "json", "LOG_LEVEL": "debug"}


def records(log: Path, *spoken: str) -> list[dict[str, Any]]:
    """Every line, but for those that are printed for people and begin so."""
    lines = log.read_text().splitlines()
    spoken += PRINTED
    return [json.loads(line) for line in lines if line and not line.startswith(spoken)]


@pytest.mark.once
def test_the_web_logs_json_from_its_first_line(database_url, tmp_path):
    log = tmp_path / "log"
    with portal.serving(database_url=database_url, log=log, **JSON) as (port, running):
        page = f"http://127.0.0.1:{port}/docs/?key=hidden"
        with urllib.request.urlopen(page) as answer:
            id = answer.headers["X-Request-Id"]
        running.stop()
    found = records(log)
    [page] = [each for each in found if each.get("request_id") == id]
    assert page["path"] == "/docs/"
    assert page["address"] == "127.0.0.1"
    assert {each["level"] for each in found if each.get("path") == "/healthz"} == {
        "DEBUG"
    }
    assert "hidden" not in log.read_text()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is missing")
def test_workers_log_json_and_name_what_failed(receiver, tmp_path):
    hook = subscription(receiver.url())
    with Redis(tmp_path) as broker:
        cluster = Cluster(broker.url, tmp_path, **JSON)
        with cluster.worker() as worker, cluster.claimer() as claimer:
            eventually(lambda: " ready." in worker.log and "Delivering" in claimer.log)
            # After the start, which refuses a secret that cannot be read.
            key = encryption.key_name(SigningSecret.objects.get().value)
            SigningSecret.objects.update(value=f"{key}:AAAA")
            publish(hook)
            eventually(lambda: "failed on our side" in worker.log)
            claimer.stop()
    assert states() == {"pending": 1}
    sender, claimer = sorted(tmp_path.glob("*.log"))
    banner = (" ", "-", "*", "[", "celery@", "/", "User ", "absolutely", "Please ")
    [failed] = [r for r in records(sender, *banner) if "our side" in r["message"]]
    delivery = hook.deliveries.get()
    assert failed["delivery"] == str(delivery.id)
    assert failed["event"] == str(delivery.event_id)
    assert failed["process_name"] == "ForkPoolWorker-1"
    assert "Undecryptable" in failed["exception"]
    messages = [each["message"] for each in records(claimer)]
    assert "Delivering by celery, 200 requests at once." in messages
    assert "Done delivering." in messages
