"""API keys: issued, checked, rotated, revoked.

Checking a key is one SELECT and, at most once a minute, one UPDATE. Nothing about a key
is cached: a revocation holds from the next request, in every process.
"""

import hmac
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from webhooks.models import ApiKey, Partner, keyformat, reads

from . import access, audit, former_keys, kept_for_keys, limits, rotation

READ = "webhooks:read"
WRITE = "webhooks:write"
REVEAL = "secrets:reveal"
MANAGE = "keys:manage"
PUBLISH = "events:publish"

logger = logging.getLogger(__name__)

LAST_USED_RESOLUTION = timedelta(minutes=1)

_LAST = datetime.max.replace(tzinfo=UTC)


class Refused(Exception):
    """The key is refused. The subclass says what a dialect may reveal about it."""


class Missing(Refused):
    """No key was sent."""


class Malformed(Refused):
    """The text does not have the form of a key."""


class Invalid(Refused):
    """Unknown, expired or revoked: one answer for all, so that nobody learns which keys exist."""


class PartnerInactive(Refused):
    """The key is good, its partner is switched off."""


class ScopeMissing(Refused):
    """The key is good and may not do this."""


class WrongKind(ScopeMissing):
    """The key is good, and of the other kind: a partner's where publishers call, or a
    publisher's where partners do."""


class UnknownScope(Exception):
    """A key cannot be issued with this scope."""


class Unusable(Exception):
    """The key was revoked or has expired: it cannot be replaced, only issued anew."""


def issue(
    *,
    by: audit.Actor,
    partner: Partner | None,
    name: str = "",
    scopes: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which exists nowhere else and cannot be shown again.

    Without a partner it is a publisher's key. No scopes means everything its kind may
    do. Raises UnknownScope and limits.LimitReached.
    """
    check_scopes(scopes, for_publisher=partner is None)
    limits.check_lengths(limits.NAME_OF_KEY, name)
    with transaction.atomic():
        issued = _issue(
            by=by,
            partner=partner,
            name=name,
            scopes=scopes,
            created_at=timezone.now(),
            expires_at=expires_at,
        )
        if partner is not None:
            limits.hold(partner, limits.KEYS)
    return issued


def _issue(
    *, by: audit.Actor, scopes: Sequence[str], **fields: Any
) -> tuple[ApiKey, str]:
    new = keyformat.generate()
    pepper = keyformat.current_pepper()
    key = ApiKey(
        id=uuid4(),
        kind=ApiKey.Kind.PARTNER if fields["partner"] else ApiKey.Kind.PUBLISHER,
        scopes=list(scopes),
        prefix=new.lookup,
        digest=keyformat.digest(new.text, pepper=pepper),
        pepper=pepper,
        **fields,
    )
    with transaction.atomic():
        key.save(force_insert=True)
        audit.record(by=by, action="key.issued", target=key, after=_state(key))
    return key, new.text


def rotate(
    *,
    by: audit.Actor,
    key: ApiKey,
    overlap: timedelta = rotation.DEFAULT_OVERLAP,
) -> tuple[ApiKey, str]:
    """A key that may do the same and lasts as long, and its text; the old one ends after
    `overlap`.

    What a dialect keeps for the old key moves to the new one; the old key's id leads
    there, too. Of a key that was replaced before, the key in its place is replaced and
    ends likewise. Raises access.NotFound, Unusable, limits.LimitReached and
    rotation.OverlapOutOfRange.
    """
    rotation.check_overlap(overlap)
    with transaction.atomic():
        chain = access.locked_chain(key, by=by)
        old, latest = chain.key, chain.latest
        now = timezone.now()
        if old.is_revoked or old.is_expired_at(now):
            raise Unusable
        # What was made of it between them, too: it may be why the key is replaced.
        made = [
            k for k in chain.descendants if not (k.is_revoked or k.is_expired_at(now))
        ]
        replaced = list(dict.fromkeys((old, *made, latest)))
        ending = () if overlap else replaced
        limits.hold_chain(latest.partner, latest, ending=ending, at=now)
        # After the key that it replaces, whatever the clock says: a chain is in this order.
        made_at = max(now, latest.created_at + timedelta(microseconds=1))
        expires_at = latest.expires_at
        if expires_at is not None:
            # Not past the end of the calendar, for a key that was issued until then.
            lasts = min(expires_at - latest.created_at, _LAST - made_at)
            expires_at = made_at + lasts
        new, text = _issue(
            by=by,
            partner=latest.partner,
            name=latest.name,
            scopes=latest.scopes,
            created_at=made_at,
            expires_at=expires_at,
        )
        # However often a key is replaced, each former id leads straight to the last one.
        ApiKey.objects.filter(replaced_by=latest).update(replaced_by=new)
        for key in replaced:
            _end(key, at=now + overlap, for_=new, by=by)
        kept_for_keys.hand_over(latest, to=new, by=by)
        former_keys.forget(new, at=now)
    return new, text


def _end(key: ApiKey, *, at: datetime, for_: ApiKey, by: audit.Actor) -> None:
    before = _state(key)
    key.expires_at = rotation.end(key.expires_at, of_overlap=at)
    key.replaced_by = for_
    key.save(update_fields=["expires_at", "replaced_by"])
    after = {**_state(key), "replaced_by": str(for_.id)}
    audit.record(by=by, action="key.rotated", target=key, before=before, after=after)


def revoke(
    *, by: audit.Actor, key: ApiKey, with_descendants: bool = True
) -> list[ApiKey]:
    """Close a key for good, and the keys that rotations have made of it: whoever had the
    key may have made them. The keys that this call has revoked, the oldest first.

    What a dialect keeps for a key is switched off with it: no other key could. A key
    revoked before stays as it was. Raises access.NotFound.
    """
    with transaction.atomic():
        chain = access.locked_chain(key, by=by)
        those = [chain.key, *(chain.descendants if with_descendants else ())]
        those = [each for each in those if not each.is_revoked]
        others = [str(each.id) for each in those if each is not chain.key]
        for each in those:
            more: dict[str, Any] = {"revoked_with": str(key.id)}
            if each is chain.key:
                more = {"also_revoked": others} if others else {}
            _revoke(each, by=by, **more)
        for each in those:
            kept_for_keys.switch_off(each, by=by)
    return those


def _revoke(key: ApiKey, *, by: audit.Actor, **more: Any) -> None:
    before = _state(key)
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    after = {**_state(key), **more}
    audit.record(by=by, action="key.revoked", target=key, before=before, after=after)


def authenticate(
    text: str | None, *, kind: ApiKey.Kind = ApiKey.Kind.PARTNER
) -> ApiKey:
    """The key whose text this is, with its partner loaded.

    Raises Missing, Malformed, Invalid, PartnerInactive or WrongKind. One SELECT; none for
    what is not of a key's form.
    """
    if not text:
        raise Missing
    lookup = keyformat.lookup_of(text)
    if lookup is None:
        raise Malformed
    key = reads.key(lookup)
    if key is not None and key.pepper not in keyformat.peppers():
        logger.error("KEY_PEPPERS lacks pepper %d of key %s.", key.pepper, key.prefix)
        key = None
    # An unknown key costs the same comparison as a known one.
    stored = key.digest if key else "0" * 64
    pepper = key.pepper if key else keyformat.current_pepper()
    matches = hmac.compare_digest(stored, keyformat.digest(text, pepper=pepper))
    if key is None or not matches:
        raise Invalid
    now = timezone.now()
    if key.is_revoked or key.is_expired_at(now):
        raise Invalid
    if key.partner is not None and not key.partner.is_active:
        raise PartnerInactive
    if key.kind != kind:
        raise WrongKind
    _note_use(key, now)
    return key


def may(key: ApiKey, scope: str) -> bool:
    """Whether a key without scopes of its own, or with this one, may do `scope`."""
    return not key.acts or scope in key.acts


def _note_use(key: ApiKey, now: datetime) -> None:
    if key.last_used_at is None or key.last_used_at <= now - LAST_USED_RESOLUTION:
        # Conditional, so that of many requests at once only one writes.
        ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(
            last_used_at=now
        )
        key.last_used_at = now


def check_scopes(scopes: Sequence[str], *, for_publisher: bool) -> None:
    """Raises UnknownScope and limits.LimitReached."""
    if len(scopes) > limits.SCOPES.most:
        raise limits.LimitReached(limits.SCOPES, limits.SCOPES.most)
    known = {PUBLISH} if for_publisher else {READ, WRITE, REVEAL, MANAGE}
    for scope in scopes:
        is_shop = scope.startswith(ApiKey.SHOP_PREFIX) and scope != ApiKey.SHOP_PREFIX
        if scope not in known and (for_publisher or not is_shop):
            raise UnknownScope(
                f"{scope!r} is not a scope; known: {', '.join(sorted(known))}"
                + ("" if for_publisher else f", {ApiKey.SHOP_PREFIX}<id>")
            )
    shops = (scope.removeprefix(ApiKey.SHOP_PREFIX) for scope in scopes)
    limits.check_lengths(limits.SHOP, *shops)


def _state(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
