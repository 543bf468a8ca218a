"""How the endpoints of a subscription are called: how fast, in which order, and again
after they were given up."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from webhooks.delivery import outbox
from webhooks.models import Delivery, Endpoint, Subscription

# Field -> its greatest value; null is the portal's own limit.
LIMITS = {"max_in_flight": 1000, "rate_per_minute": 60_000}
FIELDS = (*LIMITS, "is_ordered")


class LimitOutOfRange(Exception):
    """`field` takes 1 to `most`."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.most = LIMITS[field]
        super().__init__(f"{field} must be from 1 to {self.most}.")


def check(fields: Mapping[str, Any]) -> None:
    """Raises LimitOutOfRange."""
    for field, most in LIMITS.items():
        value = fields.get(field)
        if value is not None and not 1 <= value <= most:
            raise LimitOutOfRange(field)


def requeue(subscription: Subscription) -> None:
    """Have what waits for it go in order from now on, or no longer; in the caller's
    transaction."""
    lane = Delivery.Lane.ORDERED if subscription.is_ordered else Delivery.Lane.FRESH
    outbox.requeue(subscription, lane=lane)


def revive(subscription: Subscription, *, was_disabled: bool) -> None:
    """Call its disabled endpoints again, as if they had never failed; in the caller's
    transaction. Where the subscription was disabled that goes for all of them."""
    given_up = Endpoint.objects.live().filter(subscription=subscription)
    if not was_disabled:
        given_up = given_up.filter(~Q(disabled_at=None))
    ids = list(given_up.values_list("id", flat=True))
    Endpoint.objects.filter(id__in=ids).update(
        disabled_at=None,
        disabled_reason="",
        consecutive_failures=0,
        failing_since=None,
        trips=0,
        open_until=None,
        probe_token=None,
    )
    outbox.wake(ids)
