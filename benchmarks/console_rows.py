"""Everything beside the deliveries that the console's pages show, a full page of each, and
the deliveries as they stand when almost all have arrived."""

from datetime import timedelta

import django

django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks import event  # noqa: E402
from webhooks.delivery import standard  # noqa: E402
from webhooks.operations import (  # noqa: E402
    keys,
    partners,
    recoveries,
    recovery_selection,
    subscriptions,
)
from webhooks.operations.audit import SYSTEM  # noqa: E402

EACH = 60  # partners, keys, subscriptions, recoveries: more than a page

# One in a thousand has failed, and no less than a page and a bit; some of the newest were
# answered 418, which is in no index. `n` counts from the newest.
_SETTLE = """
UPDATE webhooks_delivery AS d SET
    state = CASE WHEN n % each = 0 THEN 'exhausted' ELSE 'delivered' END,
    last_outcome = CASE WHEN n % each = 0 THEN 'status' ELSE 'ok' END,
    last_status = CASE WHEN n % each = 0 THEN 500 WHEN n < 1000 AND n % 50 = 7 THEN 418
                  ELSE 200 END,
    attempts = 1, lane = 0, due_at = NULL, settled_at = created_at
FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS n,
             GREATEST(count(*) OVER () / 1000, 10) AS each
      FROM webhooks_delivery) AS numbered
WHERE numbered.id = d.id
"""
_UNMATCH = """
UPDATE webhooks_event AS e SET matched = 0, unmatched_reason = 'No subscription matches.'
FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS n,
             GREATEST(count(*) OVER () / 1000, 10) AS each
      FROM webhooks_event) AS numbered
WHERE numbered.id = e.id AND n % each = 3
"""
_HOURS = """
INSERT INTO webhooks_endpointhour (endpoint_id, partner_id, hour, delivered, failed, ms_50)
SELECT e.id, s.partner_id, date_trunc('hour', now()) - make_interval(hours => h), 90, 10, 100
FROM webhooks_endpoint AS e JOIN webhooks_subscription AS s ON s.id = e.subscription_id,
     generate_series(0, 719) AS h
"""


def main() -> None:
    with connection.cursor() as cursor:
        for statement in (_SETTLE, _UNMATCH, _HOURS):
            cursor.execute(statement)
        cursor.execute("UPDATE webhooks_endpoint SET next_due_at = NULL")
    for number in range(EACH):
        _one(number)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (FULL, ANALYZE)")
        cursor.execute("CHECKPOINT")  # what was written is not written while measured


def _one(number: int) -> None:
    now = timezone.now()
    partner = partners.create(by=SYSTEM, name=f"Partner {number}")
    soon = now + timedelta(days=7)
    keys.issue(by=SYSTEM, partner=partner, expires_at=soon)
    subscriptions.create(
        by=SYSTEM,
        identity=subscriptions.SubscriptionIdentity(
            partner=partner, dialect="portal", profile=standard.NAME
        ),
        urls=[f"https://receiver.example.com/{number}"],
        events=[event.TYPE],
        secrets=[standard.new_secret()],
    )
    missed = recovery_selection.Filter(
        outcomes=[recovery_selection.Outcome.EXHAUSTED], since=now - timedelta(hours=1)
    )
    recoveries.start(by=SYSTEM, partner=partner, filter=missed)


if __name__ == "__main__":
    main()
