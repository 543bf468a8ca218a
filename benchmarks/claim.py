"""`python -m benchmarks.claim` claims what is due, 200 at a time, and prints the median
seconds of a claim. What it claimed is settled, so that it is not claimed again."""

import statistics
import time

import django

django.setup()

from django.utils import timezone  # noqa: E402

from webhooks.delivery import outbox  # noqa: E402
from webhooks.models import Delivery  # noqa: E402

BATCH = 200


def main() -> None:
    seconds = []
    while True:
        started = time.perf_counter()
        claim = outbox.claim(limit=BATCH)
        seconds.append(time.perf_counter() - started)
        if len(claim.ids) < BATCH:
            break
        Delivery.objects.filter(claim_token=claim.token).update(
            state=Delivery.State.DELIVERED,
            claim_token=None,
            due_at=None,
            settled_at=timezone.now(),
        )
    print(statistics.median(seconds))


if __name__ == "__main__":
    main()
