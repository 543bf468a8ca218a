"""Metrics for Prometheus: how many deliveries wait, and how attempts end.

All numbers are read from the database at each scrape. So every process gives the same
answer, and nothing is counted twice. A scrape runs a fixed number of short statements.
Labels have a few fixed values and name no partner and no URL.
"""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from itertools import accumulate

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, DurationField, ExpressionWrapper, Min, Q, Sum
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from webhooks.delivery import heartbeat
from webhooks.models import (
    Delivery,
    Endpoint,
    EndpointHour,
    Notice,
    PendingFanout,
)
from webhooks.operations import missing_keys
from webhooks.rest import strangers

MOST_COUNTED = 100_000
"""The count of pending deliveries stops here. Counting ten million would take long exactly
when the queue is long."""

_PENDING = """
SELECT lane, count(*) FROM (
    SELECT lane FROM webhooks_delivery WHERE state = 'pending' LIMIT %s
) AS waiting GROUP BY lane
"""


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Needs `METRICS_TOKEN`. If none is set, answers only this machine in development.

    In production the address of a caller proves nothing: behind a proxy on the same host
    every request comes from loopback.
    """
    if settings.METRICS_TOKEN:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not constant_time_compare(
            token.strip(), settings.METRICS_TOKEN
        ):
            if wait := strangers.count(request):
                return _refused("Too many requests without the token.", 429, wait)
            return _refused("METRICS_TOKEN is needed.", 401)
    elif not (settings.DEVELOPMENT and _is_loopback(request.META["REMOTE_ADDR"])):
        return _refused("There are no metrics without METRICS_TOKEN.", 404)
    registry = CollectorRegistry()
    registry.register(_Database())
    try:
        text = generate_latest(registry)
    except DatabaseError:
        return _refused("The database cannot be reached.", 503)
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Database:
    def collect(self) -> Iterator[Metric]:
        yield from _waiting()
        yield from _endpoints()
        yield from _attempts()
        yield from _fanouts()
        yield GaugeMetricFamily(
            "webhooks_workers_alive",
            "Delivery workers that sent a heartbeat in the last 30 seconds.",
            heartbeat.status().alive,
        )
        yield GaugeMetricFamily(
            "webhooks_notices_owed",
            "Mails to partners that are still to be sent.",
            Notice.objects.filter(due_at__isnull=False).count(),
        )


def _waiting() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(_PENDING, [MOST_COUNTED])
        counts = dict(cursor.fetchall())
    waiting = GaugeMetricFamily(
        "webhooks_deliveries_pending",
        f"Pending deliveries, retries included; counted up to {MOST_COUNTED}.",
        labels=["lane"],
    )
    for lane in Delivery.Lane:
        waiting.add_metric([lane.name.lower()], counts.get(lane.value, 0))
    yield waiting
    yield GaugeMetricFamily(
        "webhooks_deliveries_without_key",
        "Pending deliveries that wait for an encryption key that a worker lacks.",
        missing_keys.count_waiting_deliveries(),
    )


def _endpoints() -> Iterator[Metric]:
    live = Q(removed_at=None, subscription__deleted_at=None)
    on = live & Q(disabled_at=None)
    found = Endpoint.objects.aggregate(
        failing=Count("id", filter=on & Q(failing_since__isnull=False)),
        open=Count("id", filter=on & Q(open_until__gt=Now())),
        disabled=Count("id", filter=live & Q(disabled_at__isnull=False)),
        lag=ExpressionWrapper(
            Now() - Min("next_due_at", filter=Q(disabled_at=None)), DurationField()
        ),
    )
    lag: timedelta = found.pop("lag") or timedelta(0)
    endpoints = GaugeMetricFamily(
        "webhooks_endpoints",
        "Endpoints that are failing, failing with an open circuit breaker, or disabled.",
        labels=["state"],
    )
    for state, count in found.items():
        endpoints.add_metric([state], count)
    yield endpoints
    yield GaugeMetricFamily(
        "webhooks_queue_lag_seconds",
        "How long the oldest due delivery has waited for a worker.",
        max(0.0, lag.total_seconds()),
    )


def _fanouts() -> Iterator[Metric]:
    stuck = Q(failures__gte=PendingFanout.STUCK_AFTER)
    found = PendingFanout.objects.aggregate(
        going_on=Count("event", filter=~stuck),
        stuck=Count("event", filter=stuck),
        oldest=Min("event__created_at"),
    )
    oldest = found.pop("oldest")
    fanouts = GaugeMetricFamily(
        "webhooks_fanouts_unfinished",
        "Events with so many deliveries that workers still write them; stuck: nothing could "
        "be written several times.",
        labels=["state"],
    )
    for state, count in found.items():
        fanouts.add_metric([state], count)
    yield fanouts
    yield GaugeMetricFamily(
        "webhooks_fanout_lag_seconds",
        "How long ago the oldest of these events was published.",
        max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0,
    )


def _attempts() -> Iterator[Metric]:
    """The attempts of this hour. The counters start at zero every hour, as they would
    after a restart; Prometheus' `rate` and `increase` handle that."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    sums = EndpointHour.objects.filter(hour__gte=hour).aggregate(
        **{
            f"sum_{column}": Sum(column, default=0)
            for column in ("delivered", "failed", *EndpointHour.LATENCY_FIELDS)
        }
    )
    attempts = CounterMetricFamily(
        "webhooks_attempts",
        "Attempts by how they ended; starts at zero every hour.",
        labels=["outcome"],
    )
    for outcome in ("delivered", "failed"):
        attempts.add_metric([outcome], sums[f"sum_{outcome}"])
    yield attempts
    bounds = [*(f"{ms / 1000}" for ms in EndpointHour.LATENCY_BOUNDS_MS), "+Inf"]
    counts = accumulate(sums[f"sum_{column}"] for column in EndpointHour.LATENCY_FIELDS)
    yield HistogramMetricFamily(
        "webhooks_attempt_duration_seconds",
        "Attempts by how long they took; starts at zero every hour.",
        buckets=list(zip(bounds, counts, strict=True)),
    )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:  # a Unix socket has none
        return False


def _refused(reason: str, status: int, wait: int | None = None) -> HttpResponse:
    response = HttpResponse(f"{reason}\n", content_type="text/plain", status=status)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if wait is not None:
        response["Retry-After"] = str(wait)
    return response
