"""Subscriptions: created, changed, deleted, by whatever interface.

The rules that hold for all of them stand here: which shops a caller may touch, which URLs
may be called, how many there may be, what happens to queued deliveries. A dialect's own
rules stand in its folder.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from webhooks.delivery import outbox, wire
from webhooks.models import ApiKey, Partner, SigningSecret, Subscription

from . import access, audit, endpoints, given_secrets, limits

# What a caller may change on the row itself; endpoints and secrets have rows of their own.
_FIELDS = ("name", "shop_id", "events", "is_active", *endpoints.FIELDS, "extras")


class PublicIdTaken(Exception):
    """The partner has a subscription of that id in the dialect."""


class Deleted(access.NotFound):
    """The subscription was deleted in the meantime, or is of another shop."""


class Overtaken(Exception):
    """Somebody else changed the subscription in the meantime."""


class KeyRevoked(Exception):
    """The subscription is kept for a key that was revoked, and no other key could switch
    it off again. So it stays off."""


class SubscriptionFields(TypedDict, total=False):
    """The fields that a caller sets. Absent fields stay as they are."""

    name: str
    shop_id: str
    events: Sequence[str] | None
    is_active: bool
    max_in_flight: int | None
    rate_per_minute: int | None
    is_ordered: bool
    extras: dict[str, Any]
    urls: Sequence[str]
    secrets: Sequence[str]


Change = SubscriptionFields | Callable[[Subscription], SubscriptionFields]
"""The changes, or a function that computes them from the stored row."""


@dataclass(frozen=True, kw_only=True)
class SubscriptionIdentity:
    """The fields that never change after a subscription is created."""

    partner: Partner
    dialect: str
    profile: str
    public_id: str | None = None  # None: the key's id, or else the row's own
    api_key: ApiKey | None = None  # one subscription per key
    is_singleton: bool = False  # one subscription per partner, or per shop of one


def create(
    *,
    by: audit.Actor,
    identity: SubscriptionIdentity,
    **fields: Unpack[SubscriptionFields],
) -> Subscription:
    """A new subscription with its endpoints and secrets.

    Without `secrets` it has one of its profile's making, where its profile signs. Without
    a shop, what a bound key makes is bound to the key's first shop. Raises access.NotFound,
    access.ShopForbidden, PublicIdTaken, limits.LimitReached, wire.UnknownProfile, and what
    `endpoints.check`, `given_secrets.check` and `given_secrets.replace` raise.
    """
    if "secrets" not in fields:
        make = wire.profile(identity.profile).new_secret
        fields["secrets"] = [make()] if make else []
    _check(fields)
    more = {limits.SUBSCRIPTIONS: 1, limits.SECRETS: len(fields["secrets"])}
    more[limits.URLS] = len(set(fields.get("urls", ())))
    more[limits.EVENT_NAMES] = len(fields.get("events") or ())
    limits.look(identity.partner, more)
    with transaction.atomic():
        key = identity.api_key and access.key_in_use(identity.api_key, by=by)
        fields["shop_id"] = access.shop_of_new(by, key, fields.get("shop_id", ""))
        now = timezone.now()
        subscription = Subscription(
            id=uuid4(),
            partner=identity.partner,
            dialect=identity.dialect,
            profile=identity.profile,
            api_key=key,
            is_singleton=identity.is_singleton,
            created_at=now,
            updated_at=now,
        )
        subscription.public_id = identity.public_id or str((key or subscription).id)
        _set(subscription, fields)
        try:
            with transaction.atomic():
                subscription.save(force_insert=True)
        except IntegrityError:
            raise PublicIdTaken(subscription.public_id) from None
        endpoints.replace(subscription, fields.get("urls", ()), now=now)
        given_secrets.replace(subscription, fields["secrets"], now=now)
        audit.record(
            by=by,
            action="subscription.created",
            target=subscription,
            after=_audited(subscription),
        )
        limits.hold(
            identity.partner,
            limits.SUBSCRIPTIONS,
            limits.URLS,
            limits.SECRETS,
            event_names=len(subscription.events or ()),
        )
    return subscription


def update(
    *,
    by: audit.Actor,
    subscription: Subscription,
    change: Change,
    seen: datetime | None = None,
) -> Subscription:
    """Change what is given and leave the rest; `updated_at` moves even when all is equal.

    A `change` that is a function is called under the lock, with the row as it is stored
    then; what it raises leaves all as it was. `urls` and `secrets` replace the whole list.
    Deliveries that are queued keep the URL they were queued to; with `is_ordered` they
    change lanes. What the portal disabled is enabled again by giving `urls`, be they the
    same, or `is_active=True`. `seen` is the `updated_at` that the caller knows.

    Raises Deleted, Overtaken, KeyRevoked, access.ShopForbidden, limits.LimitReached, and
    what `endpoints.check`, `given_secrets.check` and `given_secrets.replace` raise.
    """
    with transaction.atomic():
        locked = lock(subscription.id, by=by, seen=seen)
        now = next_moment(locked)
        fields = change(locked) if callable(change) else change
        _check(fields)
        _check_binding(locked, fields, by=by)
        before = _audited(locked)
        _set(locked, fields)
        is_enabled = "urls" in fields or fields.get("is_active", False)
        was_disabled = locked.disabled_at is not None
        if is_enabled:
            locked.disabled_at, locked.disabled_reason = None, ""
        locked.updated_at = now
        locked.save(
            update_fields=[*_FIELDS, "disabled_at", "disabled_reason", "updated_at"]
        )
        # Deliveries before endpoints, as a settlement locks them: see outbox.settle.
        if locked.is_ordered != before["is_ordered"]:
            endpoints.requeue(locked)
        if is_enabled:
            endpoints.lock(locked)
        if "urls" in fields:
            endpoints.replace(locked, fields["urls"], now=now)
        if "secrets" in fields:
            given_secrets.replace(locked, fields["secrets"], now=now)
        if is_enabled:
            endpoints.enable(locked, was_disabled=was_disabled)
        after = _audited(locked)
        audit.record(
            by=by,
            action="subscription.updated",
            target=locked,
            before=before,
            after=after,
        )
        _hold(locked, before, after)
    return locked


def _hold(row: Subscription, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Of a change only what makes more is held to the limits of the partner."""
    counted = {"urls": limits.URLS, "secret_ids": limits.SECRETS}
    more = [
        limit for name, limit in counted.items() if len(after[name]) > len(before[name])
    ]
    names = len(after["events"] or ())
    if names <= len(before["events"] or ()):
        names = 0
    if more or names:
        limits.hold(row.partner, *more, event_names=names)


def put(
    *,
    by: audit.Actor,
    identity: SubscriptionIdentity,
    change: SubscriptionFields,
) -> Subscription:
    """The one subscription of a key, or of a shop: created the first time, then changed.

    Two first calls at once end in one row. Raises what `create` and `update` raise.
    """
    rows = Subscription.objects.of(identity.partner, identity.dialect)
    with transaction.atomic():
        if identity.api_key is not None:
            rows = rows.filter(api_key=access.key_in_use(identity.api_key, by=by))
        else:
            shop = access.shop_of_new(by, None, change.get("shop_id", ""))
            rows = rows.filter(is_singleton=True, shop_id=shop)
        for _ in range(2):
            if (existing := rows.first()) is not None:
                return update(by=by, subscription=existing, change=change)
            try:
                return create(by=by, identity=identity, **change)
            except PublicIdTaken:
                continue  # another call created it first
            except limits.LimitReached:
                if not rows.exists():  # or it was the last that may be
                    raise
    raise Deleted


def delete(*, by: audit.Actor, subscription: Subscription) -> None:
    """Delete it and cancel what is queued for it; the row stays for its history.

    Raises Deleted.
    """
    with transaction.atomic():
        locked = lock(subscription.id, by=by)
        before = _audited(locked)
        now = next_moment(locked)
        locked.deleted_at = locked.updated_at = now
        locked.save(update_fields=["deleted_at", "updated_at"])
        outbox.cancel(Q(endpoint__subscription=locked), reason=outbox.DELETED, now=now)
        audit.record(by=by, action="subscription.deleted", target=locked, before=before)


def lock(id: UUID, *, by: audit.Actor, seen: datetime | None = None) -> Subscription:
    """The live row, locked until the transaction ends; raises Deleted and Overtaken."""
    live = Subscription.objects.live().select_related("partner", "api_key")
    try:
        row = access.locked(live, id, by=by)
    except access.NotFound:
        raise Deleted(id) from None
    if seen not in (None, row.updated_at):
        raise Overtaken(id)
    return row


def next_moment(subscription: Subscription) -> datetime:
    """Now, taken under the lock, and after the change before it: clocks are set back."""
    return max(timezone.now(), subscription.updated_at + timedelta(microseconds=1))


def _set(subscription: Subscription, fields: SubscriptionFields) -> None:
    for name in _FIELDS:
        if name in fields:
            setattr(subscription, name, fields[name])  # type: ignore[literal-required]


def _check(fields: SubscriptionFields) -> None:
    endpoints.check(fields)
    limits.check_lengths(limits.NAME, fields.get("name", ""))
    limits.check_lengths(limits.SHOP, fields.get("shop_id", ""))
    limits.check_lengths(limits.EVENT_NAME, *(fields.get("events") or ()))
    given_secrets.check(fields.get("secrets", ()))


def _check_binding(
    locked: Subscription, fields: SubscriptionFields, *, by: audit.Actor
) -> None:
    if by.shops and fields.get("shop_id", locked.shop_id) not in by.shops:
        raise access.ShopForbidden
    # Asked anew: the key may have been revoked while this waited for the lock.
    of_revoked = Subscription.objects.filter(api_key__revoked_at__isnull=False)
    if fields.get("is_active") and of_revoked.filter(pk=locked.pk).exists():
        raise KeyRevoked


def _audited(subscription: Subscription) -> dict[str, Any]:
    secrets = SigningSecret.objects.filter(subscription=subscription).order_by("id")
    return {
        **{name: getattr(subscription, name) for name in _FIELDS},
        "disabled_reason": subscription.disabled_reason,
        "urls": subscription.urls,
        # Which secrets, never what they are.
        "secret_ids": [str(id) for id in secrets.values_list("id", flat=True)],
    }
