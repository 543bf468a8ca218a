"""The endpoints of a subscription: their URLs, limits and order, and enabling them again.

Everything here runs in the transaction of its caller, which holds the subscription's lock.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from webhooks.delivery import egress, egress_settings, outbox
from webhooks.models import Delivery, Endpoint, Subscription

MAX_ENDPOINTS = 20

# Field -> its greatest value; null is the portal's own limit.
LIMITS = {"max_in_flight": 1000, "rate_per_minute": 60_000}
FIELDS = (*LIMITS, "is_ordered")


class UrlRefused(Exception):
    """A URL that no delivery may call. `url`, and `reason` in words for its owner."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(reason)
        self.url = url
        self.reason = reason


class TooManyEndpoints(Exception):
    """More than MAX_ENDPOINTS URLs."""


class LimitOutOfRange(Exception):
    """`field` takes 1 to `most`."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.most = LIMITS[field]
        super().__init__(f"{field} must be from 1 to {self.most}.")


def check_url(url: str) -> None:
    """Raises UrlRefused. Asks no name server: names are checked at every connection."""
    try:
        egress.check_url(url, egress_settings.current())
    except egress.Refused as refused:
        raise UrlRefused(url, refused.message) from None


def check(fields: Mapping[str, Any]) -> None:
    """Raises UrlRefused, TooManyEndpoints and LimitOutOfRange."""
    urls = fields.get("urls", ())
    for url in urls:
        check_url(url)
    if len(urls) > MAX_ENDPOINTS:
        raise TooManyEndpoints(len(urls))
    for field, most in LIMITS.items():
        value = fields.get(field)
        if value is not None and not 1 <= value <= most:
            raise LimitOutOfRange(field)


def lock(subscription: Subscription) -> None:
    """In the order of their ids, as a settlement locks them: see outbox.settle."""
    rows = Endpoint.objects.live().filter(subscription=subscription).order_by("id")
    list(rows.select_for_update(no_key=True).values_list("id", flat=True))


def replace(subscription: Subscription, urls: Sequence[str], *, now: datetime) -> None:
    """Call these URLs from now on. An endpoint whose URL stays keeps its health."""
    given = list(dict.fromkeys(urls))
    live = {e.url: e for e in Endpoint.objects.live().filter(subscription=subscription)}
    for url in live.keys() - set(given):
        live[url].removed_at = now
        live[url].save(update_fields=["removed_at"])
    new = []
    for position, url in enumerate(given):
        if (endpoint := live.get(url)) is None:
            new.append(
                Endpoint(
                    subscription=subscription,
                    url=url,
                    position=position,
                    created_at=now,
                )
            )
        elif endpoint.position != position:
            endpoint.position = position
            endpoint.save(update_fields=["position"])
    Endpoint.objects.bulk_create(new)


def requeue(subscription: Subscription) -> None:
    """Put its pending deliveries in order, or no longer in order, as `is_ordered` says."""
    lane = Delivery.Lane.ORDERED if subscription.is_ordered else Delivery.Lane.FRESH
    outbox.requeue(subscription, lane=lane)


def enable(subscription: Subscription, *, was_disabled: bool) -> None:
    """Call its disabled endpoints again, as if they had never failed. Where the
    subscription itself was disabled, that goes for all of its endpoints."""
    live = Endpoint.objects.live().filter(subscription=subscription)
    if not was_disabled:
        live = live.filter(~Q(disabled_at=None))
    ids = list(live.values_list("id", flat=True))
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
