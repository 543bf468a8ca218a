"""Matches an event against the subscriptions of its partner."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from webhooks.delivery import wire
from webhooks.models import Event, PendingFanout, Subscription, prepared

from .eventchecks import NewEvent


@dataclass(frozen=True)
class Candidate:
    """A subscription as an event is matched against it; of a moment only whether there is
    one."""

    id: UUID
    partner_id: UUID
    profile: str
    events: Any
    shop_id: str
    is_active: bool
    disabled_at: Any
    disabled_reason: str
    deleted_at: Any
    is_ordered: bool
    receivers_as_json: str | None
    must_wait: bool
    """Its deliveries are in order, and an earlier event of its partner may not be queued for
    it yet."""

    @cached_property
    def receivers(self) -> Sequence[tuple[UUID, str]]:
        """Id and URL of the endpoints that take new events, in their order."""
        pairs = orjson.loads(self.receivers_as_json or "[]")
        return [(UUID(id), url) for id, url in pairs]

    @property
    def count(self) -> int:
        """How many deliveries an event has to it."""
        return len(self.receivers) or 1


@dataclass(frozen=True, slots=True, eq=False)
class Audience:
    """The subscriptions that an event matches."""

    matched: Sequence[Candidate]
    unmatched_reason: str
    """In words; empty when one matches."""
    count: int
    """How many deliveries an event has to them."""
    is_ordered: bool
    must_wait: bool
    """That of one of them."""


class Audiences:
    """Those of the events of one transaction. Events of the same partner, type and shop have
    the same one: it is found once, and not kept for the next transaction."""

    def __init__(self, partners: Collection[UUID]) -> None:
        """One SELECT."""
        self._candidates = subscriptions(partners)
        self._known: dict[tuple[UUID, str, Any], Audience] = {}

    def of(self, new: NewEvent) -> Audience:
        key = (new.partner.id, new.type, new.attributes.get("shop_id"))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find(new)
        return found

    def _find(self, new: NewEvent) -> Audience:
        if not new.partner.is_active:
            return Audience((), "The partner is inactive.", 0, False, False)
        matched, reasons = [], []
        for candidate in self._candidates.get(new.partner.id, ()):
            if why := why_not(candidate, new):
                reasons.append(why)
            else:
                matched.append(candidate)
        return Audience(
            matched,
            "" if matched else in_words(reasons),
            sum(candidate.count for candidate in matched),
            any(candidate.is_ordered for candidate in matched),
            any(candidate.must_wait for candidate in matched),
        )


# Written, because every event needs it. The endpoints are one text for each subscription: a
# partner may have thousands of them, of which most events need none here.
_SUBSCRIPTIONS = """
    SELECT s.id, s.partner_id, s.profile, s.events, s.shop_id, s.is_active,
           s.disabled_at, s.disabled_reason, s.deleted_at, s.is_ordered,
           {receivers} AS receivers,
           s.is_ordered AND EXISTS (
               SELECT 1 FROM webhooks_pendingfanout AS f
               WHERE f.partner_id = s.partner_id
                 AND f.failures < {stuck_after}
           ) AS must_wait
    FROM webhooks_subscription AS s
    WHERE {which} {among}
    ORDER BY s.id
"""
_RECEIVERS = {
    "postgresql": """(
        SELECT json_agg(json_build_array(e.id, e.url) ORDER BY e.position)::text
        FROM webhooks_endpoint AS e
        WHERE e.subscription_id = s.id
          AND e.removed_at IS NULL AND e.disabled_at IS NULL
    )""",
    # SQLite orders the arguments of an aggregate only from release 3.44 on.
    "sqlite": """(
        SELECT json_group_array(json_array(id, url)) FROM (
            SELECT e.id, e.url FROM webhooks_endpoint AS e
            WHERE e.subscription_id = s.id
              AND e.removed_at IS NULL AND e.disabled_at IS NULL
            ORDER BY e.position
        )
    )""",
}
_STATEMENTS = {
    vendor: {
        name: _SUBSCRIPTIONS.format(
            receivers=_RECEIVERS[vendor],
            stuck_after=PendingFanout.STUCK_AFTER,
            which=which,
            among=prepared.AMONG[vendor],
        )
        for name, which in (
            ("of_partners", "s.deleted_at IS NULL AND s.partner_id"),
            ("by_id", "s.id"),
        )
    }
    for vendor in _RECEIVERS
}


def subscriptions(partners: Collection[UUID]) -> dict[UUID, list[Candidate]]:
    """Every live subscription of the partners, those that are off included. One SELECT."""
    found: dict[UUID, list[Candidate]] = {}
    for candidate in _read("of_partners", partners):
        found.setdefault(candidate.partner_id, []).append(candidate)
    return found


def by_id(ids: Collection[UUID]) -> dict[UUID, Candidate]:
    """The subscriptions, deleted ones too. One SELECT."""
    return {candidate.id: candidate for candidate in _read("by_id", ids)}


def _read(name: str, ids: Collection[UUID]) -> Sequence[Candidate]:
    if not ids:
        return ()
    with prepared.cursor() as cursor:
        cursor.execute(_STATEMENTS[connection.vendor][name], [prepared.among(ids)])
        rows = cursor.fetchall()
    if connection.vendor == "postgresql":
        return [_candidate(*row) for row in rows]
    return [_candidate(UUID(id), UUID(partner), *rest) for id, partner, *rest in rows]


def _candidate(
    id: UUID, partner: UUID, profile: str, events: str | None, *rest: Any
) -> Candidate:
    return Candidate(
        id, partner, profile, None if events is None else orjson.loads(events), *rest
    )


_OFF = "inactive or disabled"
_NAMELESS = "in a dialect that has no name for this type"
_NOT_SUBSCRIBED = "not subscribed to this type"
_OTHER_SHOP = "bound to another shop"


def why_not(
    subscription: Candidate | Subscription, new: NewEvent | Event
) -> str | None:
    """Why the event does not concern the subscription; None when it does."""
    if not subscription.is_active or subscription.disabled_at is not None:
        return _OFF
    profile = wire.profiles().get(subscription.profile)
    name = profile.name_of(new.type) if profile else None
    if profile is None or name is None:
        return _NAMELESS
    if not profile.matches(subscription.events, name):
        return _NOT_SUBSCRIBED
    shop = new.attributes.get("shop_id")
    if subscription.shop_id and shop and shop != subscription.shop_id:
        return _OTHER_SHOP
    return None


def in_words(reasons: Sequence[str]) -> str:
    """Why the event is unmatched, from what `why_not` said of each subscription."""
    if not reasons:
        return "The partner has no subscriptions."
    counted = ", ".join(f"{n} {why}" for why, n in Counter(reasons).most_common())
    return f"Of the partner's subscriptions: {counted}."
