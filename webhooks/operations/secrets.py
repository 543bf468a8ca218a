"""Signing secrets: listed, shown, and replaced while the older one goes on signing.

Every live secret signs, oldest first, in the profile's own way. Where the vendor's header
has room for several signatures (Standard Webhooks, Nursa, Topiic) a receiver may change
over at any time of the overlap. Where it has room for one (Capa, Partnero) the older
secret signs until it expires, so the receiver changes over at that moment; with no
overlap that is now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from webhooks.delivery import wire
from webhooks.models import (
    ApiKey,
    Partner,
    SigningSecret,
    Subscription,
    encryption,
)

from . import access, audit, given_secrets, limits, rotation, subscriptions

_SHOWN = 4
# Of a shorter one the last characters would be too large a part.
_LONG_ENOUGH = 16


SHOWN_RESOLUTION = timedelta(hours=1)
"""A key that reads secrets through an interface is noted once in this time: a busy client reads
them with each list, and a write for each read would cost more than it tells."""


class NotSigned(Exception):
    """The subscription's deliveries are not signed, so there is nothing to replace."""


class UnusableSecret(Exception):
    """The secret that was given does not have the form that the profile takes."""


class Expired(access.NotFound):
    """The secret was replaced or has expired in the meantime."""


@dataclass(frozen=True)
class Masked:
    """A live secret, as it may be listed."""

    row: SigningSecret
    ending: str | None
    """Its last characters; empty for a short one, None where no key decrypts it."""


def listed(subscription: Subscription) -> list[Masked]:
    """The live ones, oldest first."""
    live = SigningSecret.objects.live(timezone.now())
    live = live.filter(subscription=subscription)
    return [Masked(row, _ending(row)) for row in live]


def rotate(
    *,
    by: audit.Actor,
    subscription: Subscription,
    overlap: timedelta = rotation.DEFAULT_OVERLAP,
    secret: str | None = None,
    seen: UUID | None = None,
) -> SigningSecret:
    """A new secret, which signs from now on, and an end to the newest of the others
    after `overlap`.

    Two live at most: while another overlap runs, its older secret ends at once. Without
    a `secret` one is made. `seen` is the newest that the caller knows of. Raises NotSigned,
    rotation.OverlapOutOfRange, UnusableSecret, limits.LimitReached, subscriptions.Deleted,
    and subscriptions.Overtaken where somebody else replaced that one meanwhile.
    """
    rotation.check_overlap(overlap)
    profile = wire.profiles().get(subscription.profile)
    if profile is None or profile.new_secret is None:
        raise NotSigned
    is_usable = secret is None or (
        not given_secrets.is_like_mask(secret) and profile.takes_secret(secret)
    )
    if not is_usable:
        raise UnusableSecret
    with transaction.atomic():
        locked = subscriptions.lock(subscription.id, by=by)
        now = timezone.now()
        if seen not in (None, _newest_id(locked, now)):
            raise subscriptions.Overtaken(locked.id)
        before = _state(locked)
        _retire(locked, now=now, until=now + overlap)
        new = SigningSecret.sealed(
            subscription=locked,
            plaintext=secret or profile.new_secret(),
            created_at=now,
        )
        new.save(force_insert=True)
        after = _state(locked)
        audit.record(
            by=by,
            action="secret.rotated",
            target=locked,
            before=before,
            after=after,
        )
        if len(after["secret_ids"]) > len(before["secret_ids"]):
            limits.hold(locked.partner, limits.SECRETS)
    return new


def reveal(*, by: audit.Actor, secret: SigningSecret) -> str:
    """The secret in plain; that it was shown is recorded.

    Raises Expired and encryption.Undecryptable.
    """
    with transaction.atomic():
        owned = Subscription.objects.within(by.shops)
        live = SigningSecret.objects.live(timezone.now())
        live = live.filter(subscription__in=owned)
        row = live.select_related("subscription").filter(id=secret.id).first()
        if row is None:
            raise Expired
        plain = row.reveal()
        audit.record(
            by=by,
            action="secret.revealed",
            target=row.subscription,
            after={"secret_id": str(row.id)},
        )
    return plain


def note_shown(*, by: audit.Actor, partner: Partner, key: ApiKey | None = None) -> None:
    """Record that an interface shows the caller signing secrets in plain: of a key once in
    SHOWN_RESOLUTION, of staff each time. Costs no statement between."""
    now = timezone.now()
    if key is None:
        audit.record(by=by, action="secrets.shown", target=partner)
        return
    last = key.secrets_shown_at
    if last is not None and last > now - SHOWN_RESOLUTION:
        return
    with transaction.atomic():
        # Conditional, so that of many requests at once only one notes it.
        row = ApiKey.objects.filter(pk=key.pk, secrets_shown_at=last)
        if row.update(secrets_shown_at=now):
            audit.record(by=by, action="secrets.shown", target=key)
    key.secrets_shown_at = now


def _newest_id(subscription: Subscription, now: datetime) -> UUID | None:
    live = SigningSecret.objects.live(now).filter(subscription=subscription)
    return live.values_list("id", flat=True).last()


def _retire(subscription: Subscription, *, now: datetime, until: datetime) -> None:
    """Leave the newest secret until then, and drop the others: an expired secret is of
    no use to anybody who may have it."""
    every = SigningSecret.objects.filter(subscription=subscription)
    newest = every.live(now).last()
    if newest is not None and until > now:
        newest.expires_at = rotation.end(newest.expires_at, of_overlap=until)
        newest.save(update_fields=["expires_at"])
        every = every.exclude(id=newest.id)
    every.delete()


def _ending(row: SigningSecret) -> str | None:
    try:
        plain = row.reveal()
    except encryption.Undecryptable:
        return None
    return plain[-_SHOWN:] if len(plain) >= _LONG_ENOUGH else ""


def _state(subscription: Subscription) -> dict[str, Any]:
    """Which secrets there are and how long each signs, never what they are."""
    rows = SigningSecret.objects.filter(subscription=subscription)
    rows = rows.order_by("created_at", "id")
    return {
        "secret_ids": [str(row.id) for row in rows],
        "expire_at": [row.expires_at and row.expires_at.isoformat() for row in rows],
    }
