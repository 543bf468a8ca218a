"""Who is told what happens to endpoints: the partner by events, by mail, and the log.

It listens to the delivery room, within the transaction of the settlement that noticed.
The number of statements is the same for one incident and for hundreds.

Operational events are events like any other, so they could tell of themselves. They never
do: an endpoint is not sent what it is about, nothing is said of an attempt that carried
an operational event, and only `disabled` is said of an endpoint whatever it carried, since
that happens once. So what is told is never more than what the business sent.

A partner who has no other endpoint that wants an operational event gets no event: a row
that tells nobody, for every hiccup of every endpoint, would bury those that matter.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from webhooks.delivery import outbox, wire
from webhooks.delivery.incidents import Incident, Kind
from webhooks.delivery.result import Outcome, Result
from webhooks.models import AuditEntry, Delivery, Endpoint, Subscription

from . import events, notices
from .audit import SYSTEM

logger = logging.getLogger(__name__)

OPERATIONAL = frozenset(kind.value for kind in Kind)

MOST_LISTED = 100
"""Exhausted deliveries that one event lists; it says how many there are. Receivers are
promised small bodies."""

OWN = "It tells of this endpoint itself."
OURS = "The request could not be made."

_TRY_AGAIN = frozenset({"40001", "40P01"})
"""SQLSTATEs of a serialization failure and a deadlock."""


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with the rows it is about."""

    incident: Incident
    endpoint: Endpoint

    @property
    def subscription(self) -> Subscription:
        return self.endpoint.subscription


def tell(incidents: Sequence[Incident]) -> None:
    """Tell of what happened, in the caller's transaction.

    Whatever goes wrong here is logged and costs the news, never the settlement. Only what
    ends with a second try of the whole is raised: a deadlock, or a transaction that
    cannot go on.
    """
    try:
        with transaction.atomic():
            _tell(incidents)
    except Exception as error:
        if connection.needs_rollback or _is_passing(error):
            raise
        logger.exception("Nobody was told of %d incidents.", len(incidents))


def _tell(incidents: Sequence[Incident]) -> None:
    endpoints = (
        Endpoint.objects.filter(
            id__in={incident.endpoint_id for incident in incidents},
            subscription__deleted_at=None,
        )
        .select_related("subscription__partner")
        .in_bulk()
    )
    cases = [
        Case(incident, endpoint)
        for incident in incidents
        if (endpoint := endpoints.get(incident.endpoint_id))
        # A URL that was replaced is of interest only for what was to reach it.
        and (endpoint.removed_at is None or incident.kind is Kind.EXHAUSTED)
    ]
    disabled = [case for case in cases if case.incident.kind is Kind.DISABLED]
    AuditEntry.objects.bulk_create(
        entry for case in disabled for entry in _entries(case)
    )
    notices.owe_disabled([(c.endpoint, c.incident) for c in disabled])
    _publish([case for case in cases if case.subscription.partner.is_active])


def _publish(cases: Sequence[Case]) -> None:
    told = _heard(cases)
    exhausted = _exhausted(told)
    new = []
    about = []
    for case in told:
        data = _data(case)
        if case.incident.kind is Kind.EXHAUSTED:
            lost = [
                {"id": str(id), "event_id": str(event_id), "event_type": type}
                for id, event_id, type in exhausted[case.endpoint.id]
            ]
            if not lost:
                continue
            data |= {"count": len(lost), "deliveries": lost[:MOST_LISTED]}
        about.append(case.endpoint.id)
        new.append(
            events.NewEvent(
                partner=case.subscription.partner,
                type=case.incident.kind.value,
                data=data,
                occurred_at=case.incident.at,
            )
        )
    if new:
        now = max(case.incident.at for case in told)
        _leave_out_own(events.publish_batch(by=SYSTEM, events=new, now=now), about, now)


def _heard(cases: Sequence[Case]) -> list[Case]:
    """Those that may be told of, and that another endpoint of the partner wants to hear."""
    cases = [
        case
        for case in cases
        if case.incident.event_type not in OPERATIONAL
        or case.incident.kind in (Kind.DISABLED, Kind.EXHAUSTED)
    ]
    listeners = _listeners({case.subscription.partner_id for case in cases})
    return [
        case
        for case in cases
        if listeners[case.subscription.partner_id, case.incident.kind]
        - {case.endpoint.id}
    ]


def _listeners(partners: set[UUID]) -> Mapping[tuple[UUID, Kind], set[UUID]]:
    """The endpoints that are sent an operational event of a kind, by partner."""
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
    """Delivery, event and its type of what was exhausted and is no news itself, by
    endpoint."""
    found: dict[UUID, list[tuple[UUID, UUID, str]]] = defaultdict(list)
    ids = [id for case in cases for id in case.incident.deliveries]
    if ids:
        for endpoint_id, id, event_id, type in (
            Delivery.objects.filter(id__in=ids)
            .exclude(event__type__in=OPERATIONAL)
            .order_by("id")
            .values_list("endpoint_id", "id", "event_id", "event__type")
        ):
            if endpoint_id is not None:
                found[endpoint_id].append((id, event_id, type))
    return found


def _leave_out_own(
    outcomes: Sequence[events.Outcome], about: Sequence[UUID], now: datetime
) -> None:
    own = Q()
    for outcome, endpoint_id in zip(outcomes, about, strict=True):
        if isinstance(outcome, Exception):
            logger.error("An operational event was refused: %s", outcome)
        else:
            own |= Q(event=outcome.event, endpoint=endpoint_id)
    if own:
        outbox.cancel(own, reason=OWN, now=now)


def _data(case: Case) -> dict[str, Any]:
    incident, subscription = case.incident, case.subscription
    data: dict[str, Any] = {
        "subscription": {
            "id": subscription.public_id,
            "dialect": subscription.dialect,
            "name": subscription.name,
        },
        "endpoint": {"id": str(case.endpoint.id), "url": case.endpoint.url},
        "failing_since": _moment(incident.failing_since),
        "failures": incident.failures,
        "last_status": incident.status,
        "last_error": _error(incident) or None,
    }
    if incident.reason:
        data["reason"] = incident.reason
    return data


def _error(incident: Incident) -> str:
    """What went wrong with the last attempt, in words that a partner may read."""
    if not incident.outcome:
        return ""
    try:
        outcome = Outcome(incident.outcome)
    except ValueError:
        return OURS
    return Result(outcome=outcome, duration=0.0, status=incident.status).public_error


def _entries(case: Case) -> Iterable[AuditEntry]:
    """For the log: the endpoint, and the subscription if this was its last."""
    incident, endpoint, subscription = case.incident, case.endpoint, case.subscription
    yield _entry(case, "endpoint", endpoint.id, endpoint.url)
    if subscription.disabled_at == incident.at:
        yield _entry(case, "subscription", subscription.id, str(subscription))


def _entry(case: Case, kind: str, id: UUID, name: str) -> AuditEntry:
    incident = case.incident
    return AuditEntry(
        at=incident.at,
        actor_kind=SYSTEM.kind,
        actor=SYSTEM.label,
        action=f"{kind}.disabled",
        target_type=kind,
        target_id=str(id),
        target=name[:300],
        partner_id=case.subscription.partner_id,
        dialect=case.subscription.dialect,
        before={"disabled_at": None, "disabled_reason": ""},
        after={
            "disabled_at": _moment(incident.at),
            "disabled_reason": incident.reason,
        },
    )


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _is_passing(error: Exception) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, DatabaseError) and state in _TRY_AGAIN
