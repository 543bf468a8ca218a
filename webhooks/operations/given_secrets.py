"""The signing secrets that a caller gives with a subscription, and the mask of one that it may
not see.

A caller who reads a masked secret may send it back with the rest of what it has read. There it
stands for the secret that is stored in its place, and is never stored itself. Everything
here runs in the transaction of its caller, which holds the subscription's lock.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from webhooks.models import SigningSecret, Subscription

from . import limits

MAX_SECRETS = 2

MASK = "••••••••"
"""In the place of every secret that somebody may not see, whatever its length."""

_LIKE_MASK = re.compile(r"\s*•+\s*")


class TooManySecrets(Exception):
    """More than MAX_SECRETS secrets at once."""


class MaskGiven(Exception):
    """The mask stands where there is no secret that it could stand for, or it was altered."""


def is_like_mask(secret: str) -> bool:
    """Whether it is the mask, or one that was cut or put between spaces."""
    return _LIKE_MASK.fullmatch(secret) is not None


def check(secrets: Sequence[str]) -> None:
    """Raises TooManySecrets and limits.LimitReached."""
    limits.check_lengths(limits.SECRET, *secrets)
    if len(secrets) > MAX_SECRETS:
        raise TooManySecrets(len(secrets))


def replace(
    subscription: Subscription, secrets: Sequence[str], *, now: datetime
) -> None:
    """Sign with these from now on. A mask keeps the live secret of its place, and how long
    that signs. Raises MaskGiven, and encryption.Undecryptable where a mask is given."""
    rows = SigningSecret.objects.filter(subscription=subscription)
    kept = list(rows.live(timezone.now())) if MASK in secrets else []
    if 0 < len(secrets) <= len(kept) and {*secrets} == {MASK}:
        # As it was read, perhaps before a rotation: without the newest secret none would
        # be left when the older one ends.
        return
    new = [_row(subscription, s, kept[n : n + 1], now) for n, s in enumerate(secrets)]
    rows.delete()
    SigningSecret.objects.bulk_create(new)


def _row(
    subscription: Subscription,
    secret: str,
    stored: Sequence[SigningSecret],
    now: datetime,
) -> SigningSecret:
    expires_at = None
    if is_like_mask(secret):
        if secret != MASK or not stored:
            raise MaskGiven
        secret, expires_at = stored[0].reveal(), stored[0].expires_at
    return SigningSecret.sealed(
        subscription=subscription,
        plaintext=secret,
        created_at=now,
        expires_at=expires_at,
    )
