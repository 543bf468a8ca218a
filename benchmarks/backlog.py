"""Publishes events to one Standard Webhooks subscription, and prints one request of them.

`python -m benchmarks.backlog URL COUNT`, with DATABASE_URL naming a migrated database.
"""

import base64
import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.utils import timezone  # noqa: E402

from webhooks.delivery import attempt, outbox, standard  # noqa: E402
from webhooks.operations import events, partners, subscriptions  # noqa: E402
from webhooks.operations.audit import SYSTEM  # noqa: E402

CHUNK = 1000
DATA = {
    "id": "ord_7001",
    "status": "placed",
    "customer": {"id": "cus_1042", "email": "ada@example.com", "name": "Ada Lovelace"},
    "lines": [
        {"sku": f"sku-{number:04}", "quantity": number, "price": "19.90"}
        for number in range(1, 6)
    ],
    "total": "298.50",
    "currency": "EUR",
}


def main(url: str, count: int) -> None:
    partner = partners.create(by=SYSTEM, name="Benchmark", now=timezone.now())
    subscriptions.create(
        by=SYSTEM,
        place=subscriptions.Place(
            partner=partner, dialect="portal", profile=standard.NAME
        ),
        now=timezone.now(),
        urls=[url],
        secrets=[standard.new_secret()],
    )
    new = events.NewEvent(partner=partner, type="order.created", data=DATA)
    for _ in range(0, count, CHUNK):
        events.publish_batch(by=SYSTEM, events=[new] * CHUNK, now=timezone.now())
    jobs = outbox.load(outbox.claim(limit=1))
    request = attempt.compose(jobs[0], timestamp=int(timezone.now().timestamp()))
    outbox.release(jobs)
    body = base64.b64encode(request.body).decode()
    print(json.dumps({"body": body, "headers": request.headers}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
