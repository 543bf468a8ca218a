"""Settling: writes the results of deliveries, and the health of their endpoints."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from webhooks.delivery import health
from webhooks.delivery.endpoint_notifications import (
    EndpointNotification,
    Kind,
    Notify,
)
from webhooks.delivery.health import AttemptOutcome, Health
from webhooks.delivery.job import Settlement
from webhooks.delivery.result import Outcome
from webhooks.models import Delivery, Endpoint, Subscription

from .engine import engine

DELETED = "The subscription was deleted."


@dataclass(frozen=True, slots=True)
class Settled:
    count: int
    """The number of rows that were written."""
    unavailable: frozenset[UUID] = frozenset()
    """Endpoints that are sent nothing for now: their breaker is open, or they are
    disabled."""


def settle(
    settlements: Sequence[Settlement], *, notify: Notify | None = None
) -> Settled:
    """Write what became of claimed deliveries, in one transaction: states, attempts,
    statistics, and the health of the endpoints.

    A delivery that another worker has claimed meanwhile is left as it is, and no attempt is
    recorded for it. `notify` is called within the transaction; without it nobody is notified.
    """
    with transaction.atomic():
        _lock_subscriptions(settlements)
        recorded = engine().record(settlements, deleted=DELETED)
        noteworthy = [s for s in settlements if s.job.id in recorded.noteworthy]
        if not noteworthy:
            return Settled(recorded.count)
        unavailable, notifications = _examine(noteworthy, recorded.noteworthy)
        if notify and notifications:
            notify(notifications)
        return Settled(recorded.count, unavailable)


def _lock_subscriptions(settlements: Iterable[Settlement]) -> None:
    """Lock the subscriptions of the endpoints that may be disabled.

    Locks are taken in one order by all: subscriptions, deliveries, endpoints by their ids.
    Whoever changes a subscription begins with it, so it cannot be left to the end here.
    """
    if not connection.features.has_select_for_update:
        return  # one transaction writes at a time
    failed = {
        s.job.endpoint_id: s.status == health.GONE
        for s in sorted(settlements, key=lambda s: s.status == health.GONE)
        if s.attempt is not None and s.outcome != Outcome.OK and not s.is_ours
    }
    if not failed:
        return
    is_gone = Q(id__in=[id for id, is_gone in failed.items() if is_gone])
    is_old = Q(failing_since__lte=Now() - health.DISABLE_AFTER)
    endpoints = Endpoint.objects.filter(is_gone | is_old, id__in=failed)
    subscriptions = Subscription.objects.filter(
        id__in=endpoints.values("subscription_id")
    ).order_by("id")
    list(subscriptions.select_for_update(no_key=True).values_list("id", flat=True))


def _examine(
    settlements: Sequence[Settlement], states: Mapping[UUID, str]
) -> tuple[frozenset[UUID], list[EndpointNotification]]:
    by_endpoint: dict[UUID, list[Settlement]] = defaultdict(list)
    for settlement in settlements:
        by_endpoint[settlement.job.endpoint_id].append(settlement)
    endpoints = (
        Endpoint.objects.filter(id__in=by_endpoint)
        .annotate(now=Now())
        .order_by("id")  # one order for all, so that two settlements cannot deadlock
        .select_for_update(of=("self",), no_key=True)
    )
    unavailable = set()
    notifications: list[EndpointNotification] = []
    for endpoint in endpoints:
        now: datetime = endpoint.now  # type: ignore[attr-defined]
        mine = by_endpoint[endpoint.id]
        before = _health(endpoint)
        after = health.after_attempts(before, list(_outcomes(mine)), now=now)
        _store(endpoint, after, mine, states, now)
        notifications += _notifications(endpoint, before, after, mine, states, now)
        if after.disabled_reason or (after.open_until and after.open_until > now):
            unavailable.add(endpoint.id)
    return frozenset(unavailable), notifications


def _outcomes(settlements: Iterable[Settlement]) -> Iterable[AttemptOutcome]:
    for settlement in settlements:
        if settlement.attempt is not None or settlement.is_ours:
            yield AttemptOutcome(
                token=settlement.job.token,
                outcome=settlement.outcome,
                status=settlement.status,
                asked=settlement.asked,
                is_ours=settlement.is_ours,
            )


def _health(endpoint: Endpoint) -> Health:
    return Health(
        failures=endpoint.consecutive_failures,
        failing_since=endpoint.failing_since,
        trips=endpoint.trips,
        open_until=endpoint.open_until,
        probe_token=endpoint.probe_token,
        disabled_reason=endpoint.disabled_reason,
    )


def _store(
    endpoint: Endpoint,
    after: Health,
    settlements: Sequence[Settlement],
    states: Mapping[UUID, str],
    now: datetime,
) -> None:
    looks = [endpoint.next_due_at] if endpoint.next_due_at else []
    looks += [
        now + (s.wait or timedelta(0))
        for s in settlements
        if states[s.job.id] == Delivery.State.PENDING
    ]
    if endpoint.trips or endpoint.probe_token:
        # What waits for the breaker is sent now, or its next probe after the pause.
        looks.append(now)
    due = min(looks, default=None)
    if due is not None and after.open_until is not None:
        due = max(due, after.open_until)
    is_called = any(s.attempt is not None and not s.is_ours for s in settlements)
    Endpoint.objects.filter(id=endpoint.id).update(
        first_called_at=endpoint.first_called_at or (now if is_called else None),
        consecutive_failures=after.failures,
        failing_since=after.failing_since,
        trips=min(after.trips, 30_000),
        open_until=after.open_until,
        probe_token=after.probe_token,
        next_due_at=due,
    )
    if after.disabled_reason and endpoint.disabled_at is None:
        _disable(endpoint, after.disabled_reason, now)


def _disable(endpoint: Endpoint, reason: str, now: datetime) -> None:
    """Disable an endpoint, and the subscription with its last one. A periodic task cancels
    what waits, in pieces, because that may be very many deliveries."""
    Endpoint.objects.filter(id=endpoint.id).update(
        disabled_at=now, disabled_reason=reason, next_due_at=now
    )
    others = Endpoint.objects.receiving().filter(
        subscription_id=endpoint.subscription_id
    )
    if not others.exists():
        Subscription.objects.filter(
            id=endpoint.subscription_id, disabled_at=None
        ).update(disabled_at=now, disabled_reason=reason)


def _notifications(
    endpoint: Endpoint,
    before: Health,
    after: Health,
    settlements: Sequence[Settlement],
    states: Mapping[UUID, str],
    now: datetime,
) -> Iterable[EndpointNotification]:
    last = settlements[-1]
    about: dict[str, Any] = {
        "endpoint_id": endpoint.id,
        "at": now,
        "failing_since": after.failing_since or before.failing_since,
        "failures": after.failures,
        "outcome": last.outcome,
        "status": last.status,
        "event_type": last.job.event_type,
    }
    if after.fails_repeatedly and not before.fails_repeatedly:
        yield EndpointNotification(kind=Kind.FAILING, **about)
    if before.fails_repeatedly and not after.fails_repeatedly:
        yield EndpointNotification(kind=Kind.RECOVERED, **about)
    if after.disabled_reason and not before.disabled_reason:
        yield EndpointNotification(
            kind=Kind.DISABLED, reason=after.disabled_reason, **about
        )
    exhausted = tuple(
        s.job.id
        for s in settlements
        # Whoever sent a test sees that it failed, and nothing was lost.
        if states[s.job.id] == Delivery.State.EXHAUSTED and not s.job.is_test
    )
    if exhausted:
        yield EndpointNotification(kind=Kind.EXHAUSTED, deliveries=exhausted, **about)
