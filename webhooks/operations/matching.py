"""Matches an event against the subscriptions of its partner."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, cast
from uuid import UUID

import orjson
from django.db import connection

from webhooks.delivery import wire
from webhooks.models import Event, Partner, PendingFanout, Subscription

from .eventchecks import NewEvent

# Written, because every event needs it: 0.4 ms on PostgreSQL against 1.5 by the ORM with a
# prefetch, and 0.2 against 1.0 on SQLite (three subscriptions with two URLs, 2026-11).
# The endpoints are one text for each subscription: a partner may have thousands of them, of
# which most events need none here.
_SUBSCRIPTIONS = """
    SELECT s.id, s.partner_id, s.profile, s.events, s.shop_id, s.is_active,
           s.disabled_at, s.disabled_reason, s.deleted_at, s.is_ordered,
           {receivers} AS receivers,
           s.is_ordered AND EXISTS (
               SELECT 1 FROM webhooks_pendingfanout AS f
               WHERE f.partner_id = s.partner_id AND f.failures < {stuck_after}
           ) AS must_wait
    FROM webhooks_subscription AS s
    WHERE {which}
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


def subscriptions(partners: Collection[UUID]) -> dict[UUID, list[Subscription]]:
    """Every live subscription of the partners, those that are off included, and each
    with what `queued_to` and `must_wait` read."""
    found: dict[UUID, list[Subscription]] = {}
    if partners:
        which = f"s.deleted_at IS NULL AND s.partner_id IN ({_places(partners)})"
        for row in _read(which, partners):
            found.setdefault(row.partner_id, []).append(row)
    return found


def by_id(ids: Collection[UUID]) -> dict[UUID, Subscription]:
    """The subscriptions, deleted ones too, each with what `queued_to` reads."""
    if not ids:
        return {}
    return {row.id: row for row in _read(f"s.id IN ({_places(ids)})", ids)}


def _read(which: str, ids: Collection[UUID]) -> Iterable[Subscription]:
    stored = Partner._meta.pk.get_db_prep_value
    statement = _SUBSCRIPTIONS.format(
        receivers=_RECEIVERS[connection.vendor],
        stuck_after=PendingFanout.STUCK_AFTER,
        which=which,
    )
    return Subscription.objects.raw(statement, [stored(id, connection) for id in ids])


def _places(ids: Collection[UUID]) -> str:
    return ", ".join(["%s"] * len(ids))


def queued_to(subscription: Subscription) -> Sequence[tuple[UUID, str]]:
    """Id and URL of the endpoints that take new events, in their order. Only of what
    `subscriptions` or `by_id` found."""
    found: Any = subscription
    if found.receivers is None or isinstance(found.receivers, str):
        pairs = orjson.loads(found.receivers or "[]")
        found.receivers = [(UUID(id), url) for id, url in pairs]
    return cast(Sequence[tuple[UUID, str]], found.receivers)


def must_wait(subscription: Subscription) -> bool:
    """Whether it is in order, and an earlier event of its partner may not be queued for it
    yet. Only of what `subscriptions` found."""
    return bool(subscription.must_wait)  # type: ignore[attr-defined]


_OFF = "inactive or disabled"
_NAMELESS = "in a dialect that has no name for this type"
_NOT_SUBSCRIBED = "not subscribed to this type"
_OTHER_SHOP = "bound to another shop"


def why_not(subscription: Subscription, new: NewEvent | Event) -> str | None:
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
