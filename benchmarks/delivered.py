"""`python -m benchmarks.delivered` prints how many were delivered, and in how long."""

import json

import django

django.setup()

from django.db.models import Count, Max, Min  # noqa: E402

from webhooks.models import Attempt, Delivery  # noqa: E402


def main() -> None:
    done = Delivery.objects.filter(state=Delivery.State.DELIVERED)
    found = done.aggregate(count=Count("id"), last=Max("settled_at"))
    first = Attempt.objects.aggregate(first=Min("started_at"))["first"]
    seconds = (found["last"] - first).total_seconds()
    print(json.dumps({"count": found["count"], "seconds": seconds}))


if __name__ == "__main__":
    main()
