"""`python -m benchmarks.delivered [AFTER]` prints how many deliveries were attempted and
delivered after that moment, and in how many seconds."""

import json
import sys
from datetime import UTC, datetime

import django

django.setup()

from django.db.models import Count, Max, Min  # noqa: E402

from webhooks.models import Attempt, Delivery  # noqa: E402


def main(after: datetime) -> None:
    done = Delivery.objects.filter(
        state=Delivery.State.DELIVERED, settled_at__gt=after
    ).aggregate(count=Count("id"), last=Max("settled_at"))
    # From the first request's start until the last result was on disk.
    first = Attempt.objects.filter(started_at__gt=after).aggregate(
        first=Min("started_at")
    )["first"]
    seconds = (done["last"] - first).total_seconds()
    print(json.dumps({"count": done["count"], "seconds": seconds}))


if __name__ == "__main__":
    always = datetime.min.replace(tzinfo=UTC).isoformat()
    main(datetime.fromisoformat(*(sys.argv[1:] or [always])))
