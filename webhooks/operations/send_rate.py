"""The rate of what somebody has sent at once: tests, redeliveries, and waiting deliveries that are
sent now. They are requests to receivers of third parties, on nobody's schedule.

They are counted by their audit entries, which every process sees, and which have an index by
partner and time. Each says in `after` to which `subscription`, and to how many `urls`.
"""

from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.utils import timezone

from webhooks.models import AuditEntry, Partner

from .limits import SENDS, SENDS_TO_ONE, LimitReached, lock

MINUTE = timedelta(minutes=1)

ACTIONS = ("subscription.tested", "delivery.redelivered", "delivery.sent_now")


def look(partner: Partner, subscription: UUID, *, urls: int) -> None:
    """Refuse what is about to be sent to so many URLs, by the rule of `hold`, before anything is
    written. No lock: of two at once, `hold` refuses the second. Raises LimitReached."""
    _check(partner, subscription, urls, now=timezone.now())


def hold(partner: Partner, subscription: UUID) -> None:
    """Refuse what this transaction sends, where it is too much in a minute: requests by the
    partner, counted by URL, or tests and redeliveries to one subscription, each of which goes to
    a URL once. Its audit entry has been written.

    To be called last, as `limits.hold`. Raises LimitReached.
    """
    _check(lock(partner), subscription, 0, now=timezone.now())


def _check(partner: Partner, subscription: UUID, urls: int, *, now: datetime) -> None:
    """With a request to so many URLs that has no audit entry yet."""
    entries = AuditEntry.objects.filter(
        partner_id=partner.pk, at__gt=now - MINUTE, action__in=ACTIONS
    ).order_by("-at")
    most, most_to_one = SENDS.of(partner), SENDS_TO_ONE.of(partner)
    # The latest first, and no more of them than decide.
    decisive = entries.values_list("at", "after")[: max(most, most_to_one) + 1]
    found = [(at, after or {}) for at, after in decisive]
    if urls:
        found.insert(0, (now, {"subscription": str(subscription), "urls": urls}))
    weights = [(at, after.get("urls", 1)) for at, after in found]
    to_one = [
        (at, 1) for at, after in found if after.get("subscription") == str(subscription)
    ]
    for limit, number, rows in (
        (SENDS, most, weights),
        (SENDS_TO_ONE, most_to_one, to_one),
    ):
        total = 0
        for at, weight in rows:
            total += weight
            if total > number:
                # What was sent then must leave the minute first, and all before it.
                left = (at + MINUTE - now).total_seconds()
                raise LimitReached(limit, number, wait=max(ceil(left), 1))
