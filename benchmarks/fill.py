"""Makes subscribers and publishes to them, over the portal that DATABASE_URL names.

`python -m benchmarks.fill URL SUBSCRIBERS EVENTS [BYTES]`: the events go round the
subscribers; those that are there already get more. BYTES is the size of an event's data.
Prints the partners, a publisher's key, and the request that one of the events leaves in.
"""

import base64
import json
import sys
from typing import Any

import django

django.setup()

from django.utils import timezone  # noqa: E402

from benchmarks import event  # noqa: E402
from webhooks.delivery import attempt, outbox, standard  # noqa: E402
from webhooks.models import Partner  # noqa: E402
from webhooks.operations import events, keys, partners, subscriptions  # noqa: E402
from webhooks.operations.audit import SYSTEM  # noqa: E402

CHUNK = 1000
CHUNK_BYTES = 16 * 1024 * 1024


def main(url: str, subscribers: int, count: int, size: int) -> None:
    made = [_subscriber(f"{url}{number}") for number in range(subscribers)]
    _publish(made, count, size)
    _, key = keys.issue(by=SYSTEM, partner=None)
    request = _request() if count else {}
    print(json.dumps({"partners": [str(p.id) for p in made], "key": key} | request))


def _subscriber(url: str) -> Partner:
    """A partner with one Standard Webhooks subscription."""
    if known := Partner.objects.filter(name=url).first():
        return known
    partner = partners.create(by=SYSTEM, name=url)
    subscriptions.create(
        by=SYSTEM,
        identity=subscriptions.SubscriptionIdentity(
            partner=partner, dialect="portal", profile=standard.NAME
        ),
        urls=[url],
        secrets=[standard.new_secret()],
    )
    return partner


def _publish(to: list[Partner], count: int, size: int) -> None:
    data = event.data(size)
    new = [
        events.NewEvent(partner=partner, type=event.TYPE, data=data) for partner in to
    ]
    step = min(CHUNK, CHUNK_BYTES // max(size, 1))
    for first in range(0, count, step):
        last = min(first + step, count)
        chunk = [new[number % len(new)] for number in range(first, last)]
        events.publish_batch(by=SYSTEM, events=chunk)


def _request() -> dict[str, Any]:
    jobs = outbox.load(outbox.claim(limit=1))
    request = attempt.compose(jobs[0], timestamp=int(timezone.now().timestamp()))
    outbox.release(jobs)
    body = base64.b64encode(request.body).decode()
    return {"body": body, "headers": request.headers}


if __name__ == "__main__":
    main(sys.argv[1], *map(int, (*sys.argv[2:], 0)[:3]))
