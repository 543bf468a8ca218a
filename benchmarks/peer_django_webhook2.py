"""django-webhook2 on Celery and Redis, as its README sets it up.

Run by the Python of build/peers. `python -m benchmarks.peer_django_webhook2 URL COUNT
[OPTION …]` queues, delivers with a Celery worker that has these options, and prints
deliveries a second.
"""

import json
import os
import subprocess
import sys
import time
import urllib.parse

import celery
import django
from django.conf import settings

LONGEST = 120.0  # seconds

url = urllib.parse.urlsplit(os.environ["PEER_DATABASE_URL"])
settings.configure(
    SECRET_KEY="benchmark",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django_webhook"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path[1:],
            "USER": url.username,
            "HOST": url.hostname,
            "PORT": url.port,
            "CONN_MAX_AGE": None,
        }
    },
    DJANGO_WEBHOOK={"MODELS": [], "ADMIN_SITE": None},
)
app = celery.Celery("benchmark", broker=os.environ["PEER_BROKER_URL"])
django.setup()
app.autodiscover_tasks(["django_webhook"], force=True)

from django.core.management import call_command  # noqa: E402
from django.db.models import Max, Min  # noqa: E402
from django_webhook.models import Webhook, WebhookEvent  # noqa: E402

from benchmarks import event  # noqa: E402


def main(receiver: str, count: int, options: list[str]) -> None:
    call_command("migrate", verbosity=0)
    webhook = Webhook.objects.create(url=receiver)
    webhook.secrets.create(token="a-secret-of-the-benchmark")
    for _ in range(count):
        made = WebhookEvent.objects.create(
            webhook=webhook, object=event.DATA, url=receiver, topic=event.TYPE
        )
        made._enqueue_delivery()
    command = ["celery", "-A", "benchmarks.peer_django_webhook2", "worker"]
    worker = subprocess.Popen(
        [sys.executable, "-m", *command, "-l", "ERROR", *options],
        stdout=subprocess.DEVNULL,
    )
    try:
        done = WebhookEvent.objects.filter(status="SUCCESS")
        deadline = time.monotonic() + LONGEST
        while done.count() < count:
            assert time.monotonic() < deadline, f"{done.count()} of {count}"
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait()
    span = done.aggregate(first=Min("last_attempt_at"), last=Max("delivered_at"))
    print(json.dumps(count / (span["last"] - span["first"]).total_seconds()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
