"""Makes a partner with very many endpoints, and one with Capa settings, over the portal that
DATABASE_URL names.

`python -m benchmarks.fanout_rows URL HOOKS URLS`. Prints the id of the first, a publisher's
key, and a key of the second.
"""

import json
import sys
import uuid

import django

django.setup()

from django.utils import timezone  # noqa: E402

from webhooks.models import Endpoint, Subscription  # noqa: E402
from webhooks.operations import keys, partners  # noqa: E402
from webhooks.operations.audit import SYSTEM  # noqa: E402


def main(url: str, hooks: int, urls: int) -> None:
    many, other = (partners.create(by=SYSTEM, name=name) for name in ("many", "other"))
    now = timezone.now()
    # Not by the operation, which has a limit.
    made = Subscription.objects.bulk_create(
        Subscription(
            partner=many,
            dialect="blaze",
            profile="blaze",
            public_id=str(uuid.uuid4()),
            events=None,
            created_at=now,
            updated_at=now,
        )
        for _ in range(hooks)
    )
    Endpoint.objects.bulk_create(
        Endpoint(
            subscription=subscription,
            url=f"{url}{subscription.id}/{number}",
            position=number,
            created_at=now,
        )
        for subscription in made
        for number in range(urls)
    )
    _, publisher = keys.issue(by=SYSTEM, partner=None)
    _, key = keys.issue(by=SYSTEM, partner=other)
    print(json.dumps({"partner": str(many.id), "publisher": publisher, "key": key}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
