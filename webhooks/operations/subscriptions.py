"""Subscriptions: created, changed, deleted, by whatever interface.

The rules that hold for all of them stand here: which URLs may be called, how many there
may be, what happens to queued deliveries. A dialect's own rules stand in its folder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q

from webhooks.delivery import egress, egress_policy, outbox
from webhooks.models import ApiKey, Endpoint, Partner, SigningSecret, Subscription

from . import audit, pacing

MAX_ENDPOINTS = 20
MAX_SECRETS = 2

# What a caller may change on the row itself; endpoints and secrets have rows of their own.
_FIELDS = ("name", "shop_id", "events", "is_active", *pacing.FIELDS, "extras")


class UrlRefused(Exception):
    """A URL that no delivery may call. `url`, and `reason` in words for its owner."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(reason)
        self.url = url
        self.reason = reason


class TooManyEndpoints(Exception):
    """More than MAX_ENDPOINTS URLs."""


class TooManySecrets(Exception):
    """More than MAX_SECRETS secrets at once."""


class PublicIdTaken(Exception):
    """The partner has a subscription of that id in the dialect, or the row is there."""


class Gone(Exception):
    """The subscription was deleted in the meantime."""


class Overtaken(Exception):
    """Somebody else changed the subscription in the meantime."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a subscription stands: fixed when it is created."""

    partner: Partner
    dialect: str
    profile: str
    public_id: str | None = None  # None: the row's own id
    api_key: ApiKey | None = None  # one subscription per key
    is_singleton: bool = False  # one subscription per partner
    id: UUID | None = None  # of the row; given, a second call makes no second one


def check_url(url: str) -> None:
    """Raises UrlRefused. Asks no name server: names are checked at every connection."""
    try:
        egress.check_url(url, egress_policy.current())
    except egress.Refused as refused:
        raise UrlRefused(url, refused.message) from None


def create(
    *,
    by: audit.Actor,
    place: Place,
    now: datetime,
    urls: Sequence[str] = (),
    secrets: Sequence[str] = (),
    **fields: Any,
) -> Subscription:
    """A new subscription with its endpoints and secrets.

    `fields` are `name shop_id events is_active max_in_flight rate_per_minute is_ordered
    extras`. Raises UrlRefused, TooManyEndpoints, TooManySecrets, PublicIdTaken and
    pacing.LimitOutOfRange.
    """
    _check(urls, secrets)
    pacing.check(fields)
    subscription = Subscription(
        id=place.id or uuid4(),
        partner=place.partner,
        dialect=place.dialect,
        profile=place.profile,
        api_key=place.api_key,
        is_singleton=place.is_singleton,
        created_at=now,
        updated_at=now,
        **{name: fields[name] for name in _FIELDS if name in fields},
    )
    subscription.public_id = place.public_id or str(subscription.id)
    try:
        with transaction.atomic():
            subscription.save(force_insert=True)
            _replace_endpoints(subscription, urls, now)
            _replace_secrets(subscription, secrets, now)
            record(
                by,
                "subscription.created",
                subscription,
                now,
                after=_state(subscription),
            )
    except IntegrityError:
        raise PublicIdTaken(subscription.public_id) from None
    return subscription


def update(
    *,
    by: audit.Actor,
    subscription: Subscription,
    now: datetime,
    urls: Sequence[str] | None = None,
    secrets: Sequence[str] | None = None,
    seen: datetime | None = None,
    **fields: Any,
) -> Subscription:
    """Change what is given and leave the rest; `updated_at` moves even when all is equal.

    `urls` and `secrets` replace the whole list. Deliveries that are queued keep the URL
    they were queued to; with `is_ordered` they change lanes. What the portal disabled
    is enabled again by giving `urls`, be they the same, or `is_active=True`. `seen`
    is the `updated_at` that the caller knows. Raises UrlRefused, TooManyEndpoints,
    TooManySecrets, Gone, Overtaken and pacing.LimitOutOfRange.
    """
    _check(urls or (), secrets or ())
    pacing.check(fields)
    with transaction.atomic():
        locked = lock(subscription.id, seen=seen)
        before = _state(locked)
        for name in _FIELDS:
            if name in fields:
                setattr(locked, name, fields[name])
        is_enabled = urls is not None or bool(fields.get("is_active"))
        was_disabled = locked.disabled_at is not None
        if is_enabled:
            locked.disabled_at, locked.disabled_reason = None, ""
        locked.updated_at = now
        locked.save(
            update_fields=[*_FIELDS, "disabled_at", "disabled_reason", "updated_at"]
        )
        if urls is not None:
            _replace_endpoints(locked, urls, now)
        if secrets is not None:
            _replace_secrets(locked, secrets, now)
        if is_enabled:
            pacing.revive(locked, was_disabled=was_disabled)
        after = _state(locked)
        if after["is_ordered"] != before["is_ordered"]:
            pacing.requeue(locked)
        record(by, "subscription.updated", locked, now, before=before, after=after)
    return locked


def put(
    *,
    by: audit.Actor,
    place: Place,
    now: datetime,
    first_secrets: Sequence[str] = (),
    **changes: Any,
) -> Subscription:
    """The one subscription of a partner or of a key: created the first time, then changed.

    `first_secrets` are given to a new one only. Two first calls at once end in one row.
    Raises what `create` and `update` raise.
    """
    for _ in range(2):
        existing = (
            Subscription.objects.of(place.partner, place.dialect)
            .filter(api_key=place.api_key, is_singleton=place.is_singleton)
            .first()
        )
        if existing is not None:
            return update(by=by, subscription=existing, now=now, **changes)
        try:
            return create(by=by, place=place, now=now, secrets=first_secrets, **changes)
        except PublicIdTaken:
            continue  # another call created it first
    raise Gone


def delete(*, by: audit.Actor, subscription: Subscription, now: datetime) -> None:
    """Delete it and cancel what is queued for it; the row stays for its history.

    Raises Gone.
    """
    with transaction.atomic():
        locked = lock(subscription.id)
        before = _state(locked)
        locked.deleted_at = locked.updated_at = now
        locked.save(update_fields=["deleted_at", "updated_at"])
        outbox.cancel(Q(endpoint__subscription=locked), reason=outbox.DELETED, now=now)
        record(by, "subscription.deleted", locked, now, before=before)


def lock(id: UUID, *, seen: datetime | None = None) -> Subscription:
    """The live row, locked until the transaction ends; raises Gone and Overtaken."""
    live = Subscription.objects.live().select_for_update(of=("self",))
    row = live.select_related("partner", "api_key").filter(id=id).first()
    if row is None:
        raise Gone(id)
    if seen not in (None, row.updated_at):
        raise Overtaken(id)
    return row


def _check(urls: Sequence[str], secrets: Sequence[str]) -> None:
    for url in urls:
        check_url(url)
    if len(urls) > MAX_ENDPOINTS:
        raise TooManyEndpoints(len(urls))
    if len(secrets) > MAX_SECRETS:
        raise TooManySecrets(len(secrets))


def _replace_endpoints(
    subscription: Subscription, urls: Sequence[str], now: datetime
) -> None:
    wanted = list(dict.fromkeys(urls))
    live = {e.url: e for e in Endpoint.objects.live().filter(subscription=subscription)}
    for url in live.keys() - set(wanted):
        live[url].removed_at = now
        live[url].save(update_fields=["removed_at"])
    for position, url in enumerate(wanted):
        if (endpoint := live.get(url)) is None:
            Endpoint.objects.create(
                subscription=subscription, url=url, position=position, created_at=now
            )
        elif endpoint.position != position:
            endpoint.position = position
            endpoint.save(update_fields=["position"])


def _replace_secrets(
    subscription: Subscription, secrets: Sequence[str], now: datetime
) -> None:
    SigningSecret.objects.filter(subscription=subscription).delete()
    SigningSecret.objects.bulk_create(
        SigningSecret.sealed(
            subscription=subscription, plaintext=secret, created_at=now
        )
        for secret in secrets
    )


def _state(subscription: Subscription) -> dict[str, Any]:
    secrets = SigningSecret.objects.filter(subscription=subscription).order_by("id")
    return {
        **{name: getattr(subscription, name) for name in _FIELDS},
        "disabled_reason": subscription.disabled_reason,
        "urls": list(
            Endpoint.objects.live()
            .filter(subscription=subscription)
            .values_list("url", flat=True)
        ),
        # Which secrets, never what they are.
        "secret_ids": [str(id) for id in secrets.values_list("id", flat=True)],
    }


def record(
    by: audit.Actor,
    action: str,
    subscription: Subscription,
    now: datetime,
    **sides: Any,
) -> None:
    """Write an entry of what was done with the subscription."""
    audit.record(
        by=by,
        action=action,
        at=now,
        target_type="subscription",
        target_id=subscription.id,
        target=str(subscription),
        partner_id=subscription.partner_id,
        dialect=subscription.dialect,
        **sides,
    )
