"""Writes endpoint notifications: events and mails for the partner, and audit entries.

A delivery worker calls `write` in the transaction of the settlement that found them. The
number of statements is the same for one notification and for hundreds.

Notifications are events like any other, so they could cause more notifications. Three rules
prevent that. An endpoint is not sent a notification about itself. A failed attempt to send
a notification causes none. Only `disabled` is always notified, and that happens once. So
there are never more notifications than events that a publisher sent.

Where no other endpoint of the partner subscribes to a notification, no event is written: an
unmatched event for every short failure would bury those that matter.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from webhooks.delivery import wire
from webhooks.delivery.endpoint_notifications import EndpointNotification, Kind
from webhooks.delivery.result import Outcome, Result
from webhooks.models import AuditEntry, Delivery, Endpoint, Subscription

from . import audit, events, mails
from .audit import SYSTEM

logger = logging.getLogger(__name__)

TYPES = frozenset(kind.value for kind in Kind)

MOST_LISTED = 100
"""Exhausted deliveries that one event lists, so that its body stays small. Their number is
given beside the list."""

OURS = "The request could not be made."

_TRY_AGAIN = frozenset({"40001", "40P01"})
"""SQLSTATEs of a serialization failure and a deadlock."""


@dataclass(frozen=True, slots=True)
class Case:
    """A notification with the rows it is about."""

    notification: EndpointNotification
    endpoint: Endpoint

    @property
    def subscription(self) -> Subscription:
        return self.endpoint.subscription


def write(notifications: Sequence[EndpointNotification]) -> None:
    """Write notifications in the caller's transaction.

    An error here is logged; it loses the notifications, never the settlement. Raised are only
    errors after which the whole settlement is tried again: a deadlock, or a transaction
    that cannot go on.
    """
    try:
        with transaction.atomic():
            _write(notifications)
    except Exception as error:
        if connection.needs_rollback or _is_transient(error):
            raise
        logger.exception("%d endpoint notifications were lost.", len(notifications))


def _write(notifications: Sequence[EndpointNotification]) -> None:
    endpoints = (
        Endpoint.objects.filter(
            id__in={one.endpoint_id for one in notifications},
            subscription__deleted_at=None,
        )
        .select_related("subscription__partner")
        .in_bulk()
    )
    cases = [
        Case(notification, endpoint)
        for notification in notifications
        if (endpoint := endpoints.get(notification.endpoint_id))
        # Of a URL that was replaced, only lost deliveries matter.
        and (endpoint.removed_at is None or notification.kind is Kind.EXHAUSTED)
    ]
    disabled = [case for case in cases if case.notification.kind is Kind.DISABLED]
    AuditEntry.objects.bulk_create(
        entry for case in disabled for entry in _entries(case)
    )
    mails.queue_disabled([(c.endpoint, c.notification) for c in disabled])
    _publish([case for case in cases if case.subscription.partner.is_active])


def _publish(cases: Sequence[Case]) -> None:
    subscribed = _subscribed(cases)
    exhausted = _exhausted(subscribed)
    new = []
    for case in subscribed:
        data = _data(case)
        if case.notification.kind is Kind.EXHAUSTED:
            lost = [
                {"id": str(id), "event_id": str(event_id), "event_type": type}
                for id, event_id, type in exhausted[case.endpoint.id]
            ]
            if not lost:
                continue
            data |= {"count": len(lost), "deliveries": lost[:MOST_LISTED]}
        new.append(
            events.NewEvent(
                partner=case.subscription.partner,
                type=case.notification.kind.value,
                data=data,
                occurred_at=case.notification.at,
                about=case.endpoint.id,
            )
        )
    if new:
        at = max(case.notification.at for case in subscribed)
        for outcome in events.publish_batch(by=SYSTEM, events=new, at=at):
            if isinstance(outcome, Exception):
                logger.error("An endpoint notification was refused: %s", outcome)


def _subscribed(cases: Sequence[Case]) -> list[Case]:
    """The cases that cause an event, and to which another endpoint of the partner
    subscribes."""
    cases = [
        case
        for case in cases
        if case.notification.event_type not in TYPES
        or case.notification.kind in (Kind.DISABLED, Kind.EXHAUSTED)
    ]
    subscribers = _subscribers({case.subscription.partner_id for case in cases})
    return [
        case
        for case in cases
        if subscribers[case.subscription.partner_id, case.notification.kind]
        - {case.endpoint.id}
    ]


def _subscribers(partners: set[UUID]) -> Mapping[tuple[UUID, Kind], set[UUID]]:
    """The endpoints that are sent notifications, by partner and kind."""
    found: dict[tuple[UUID, Kind], set[UUID]] = defaultdict(set)
    profiles = {
        name: profile
        for name, profile in wire.profiles().items()
        if any(profile.name_of(kind) for kind in Kind)
    }
    if not partners:
        return found
    for endpoint in (
        Endpoint.objects.filter(removed_at=None, disabled_at=None)
        .filter(
            subscription__partner_id__in=partners,
            subscription__profile__in=profiles,
            subscription__deleted_at=None,
            subscription__disabled_at=None,
            subscription__is_active=True,
        )
        .select_related("subscription")
    ):
        subscription = endpoint.subscription
        profile = profiles[subscription.profile]
        for kind in Kind:
            name = profile.name_of(kind)
            if name and profile.matches(subscription.events, name):
                found[subscription.partner_id, kind].add(endpoint.id)
    return found


def _exhausted(cases: Iterable[Case]) -> Mapping[UUID, list[tuple[UUID, UUID, str]]]:
    """Id, event and event type of the exhausted deliveries, by endpoint. Those that carried
    a notification are left out."""
    found: dict[UUID, list[tuple[UUID, UUID, str]]] = defaultdict(list)
    ids = [id for case in cases for id in case.notification.deliveries]
    if ids:
        for endpoint_id, id, event_id, type in (
            Delivery.objects.filter(id__in=ids)
            .exclude(event__type__in=TYPES)
            .order_by("id")
            .values_list("endpoint_id", "id", "event_id", "event__type")
        ):
            if endpoint_id is not None:
                found[endpoint_id].append((id, event_id, type))
    return found


def _data(case: Case) -> dict[str, Any]:
    notification, subscription = case.notification, case.subscription
    data: dict[str, Any] = {
        "subscription": {
            "id": subscription.public_id,
            "dialect": subscription.dialect,
            "name": subscription.name,
        },
        "endpoint": {"id": str(case.endpoint.id), "url": case.endpoint.url},
        "failing_since": _moment(notification.failing_since),
        "failures": notification.failures,
        "last_status": notification.status,
        "last_error": _error(notification) or None,
    }
    if notification.reason:
        data["reason"] = notification.reason
    return data


def _error(notification: EndpointNotification) -> str:
    """The error of the last attempt, as a sentence that a partner may read."""
    if not notification.outcome:
        return ""
    try:
        outcome = Outcome(notification.outcome)
    except ValueError:
        return OURS
    return Result(
        outcome=outcome, duration=0.0, status=notification.status
    ).public_error


def _entries(case: Case) -> Iterable[AuditEntry]:
    """For the audit log: the endpoint, and the subscription if this was its last."""
    notification, endpoint, subscription = (
        case.notification,
        case.endpoint,
        case.subscription,
    )
    yield _entry(notification, "endpoint.disabled", endpoint)
    if subscription.disabled_at == notification.at:
        yield _entry(notification, "subscription.disabled", subscription)


def _entry(
    notification: EndpointNotification, action: str, target: Endpoint | Subscription
) -> AuditEntry:
    return audit.entry(
        by=SYSTEM,
        action=action,
        target=target,
        before={"disabled_at": None, "disabled_reason": ""},
        after={
            "disabled_at": _moment(notification.at),
            "disabled_reason": notification.reason,
        },
    )


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _is_transient(error: Exception) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, DatabaseError) and state in _TRY_AGAIN
