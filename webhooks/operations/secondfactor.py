"""The second factor of staff: set up, asked for after the password, removed.

A code is looked at under the lock of its authenticator, so that of two requests with the
same code one is refused, and a wrong one counts even though it ends in an exception.
"""

import logging
import secrets
from base64 import b32decode, b32encode
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from webhooks.models import Authenticator, RecoveryCode, encryption, keyformat

from . import audit, former_recovery_codes, sessions

logger = logging.getLogger(__name__)

CODES = 10
"""Recovery codes that are given at a time."""

# Without what looks alike on paper: 31 characters, so that 24 of them are 118 random bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH = 24
_KEY_BYTES = 20  # as RFC 4226, section 4 recommends


class NotSetUp(Exception):
    """There is no authenticator, or none that waits to be confirmed."""


class AlreadySetUp(Exception):
    """There is one, which must be removed before there can be another."""


class WrongCode(Exception):
    """The code is not the present one, or was used before."""


@dataclass(frozen=True)
class CodesLeft:
    count: int
    until: datetime | None = None
    """When they stop being good, where they are from before 0.2."""


class TooManyTries(Exception):
    """The codes before were wrong; nothing is looked at until `until`."""

    def __init__(self, until: datetime) -> None:
        self.until = until


def of(user: User) -> Authenticator | None:
    """The second factor that `user` must show after the password; None if none is set up."""
    return Authenticator.objects.filter(user=user.pk, confirmed=True).first()


def waiting(user: User) -> Authenticator | None:
    """The second factor that `user` has begun to set up and not confirmed."""
    return Authenticator.objects.filter(user=user.pk, confirmed=False).first()


def begin(*, user: User) -> Authenticator:
    """A new key for `user`, in place of one that was never confirmed.

    It does nothing before it is confirmed, so it leaves no entry. Raises AlreadySetUp.
    """
    with transaction.atomic():
        _lock(user)
        if of(user) is not None:
            raise AlreadySetUp
        Authenticator.objects.filter(user=user.pk).delete()
        made = Authenticator(
            user_id=user.pk,
            name="authenticator",
            confirmed=False,
            created_at=timezone.now(),
        )
        made.seal(b32encode(secrets.token_bytes(_KEY_BYTES)).decode())
        made.save(force_insert=True)
    return made


def confirm(*, by: audit.Actor, user: User, code: str) -> list[str]:
    """From now on `user` is asked for a code; the recovery codes, which nobody shows again.

    Raises NotSetUp, WrongCode and TooManyTries.
    """
    shown = _spend(by, user, code, confirmed=False)
    with transaction.atomic():
        # Only what the code was of: another key may have taken its place by now.
        waits = Authenticator.objects.filter(pk=shown.pk, confirmed=False)
        if not waits.update(confirmed=True):
            raise NotSetUp
        codes = _new_codes(user)
        _record(by, user, "factor.enrolled")
    return codes


def check(*, by: audit.Actor, user: User, code: str) -> Authenticator:
    """Spend a code of the authenticator, or a recovery code, as the second factor.

    Raises NotSetUp, WrongCode and TooManyTries.
    """
    spent = _spend(by, user, code, confirmed=True)
    if isinstance(spent, RecoveryCode):
        left = codes_left(spent.authenticator)
        _record(by, user, "factor.recovery_code_used", left=left.count)
        return spent.authenticator
    return spent


def codes_left(authenticator: Authenticator) -> CodesLeft:
    """The recovery codes that are good. Three statements at most."""
    until = former_recovery_codes.good_until(authenticator)
    if until is not None and until <= timezone.now():
        return CodesLeft(0)
    return CodesLeft(authenticator.recovery_codes.filter(used_at=None).count(), until)


def renew_codes(*, by: audit.Actor, user: User, code: str) -> list[str]:
    """New recovery codes in place of the ones before. Raises what `check` does."""
    check(by=by, user=user, code=code)
    with transaction.atomic():
        codes = _new_codes(user)
        _record(by, user, "factor.codes_renewed")
    return codes


def remove(*, by: audit.Actor, user: User, code: str) -> None:
    """`user` is asked for the password alone from now on. Raises what `check` does."""
    check(by=by, user=user, code=code)
    with transaction.atomic():
        _take_away(user)
        _record(by, user, "factor.removed")


def reset(*, by: audit.Actor, user: User) -> None:
    """Take away what somebody else has lost. Raises NotSetUp."""
    with transaction.atomic():
        if not _take_away(user):
            raise NotSetUp
        _record(by, user, "factor.reset")
        sessions.end_all(by=by, user=user)


def _take_away(user: User) -> bool:
    """Whether there was one. Under its lock first, as codes are spent and made: deleting
    begins with the codes."""
    device = Authenticator.objects.select_for_update().filter(user=user.pk).first()
    if device is None:
        return False
    device.delete()
    return True


def _spend(
    by: audit.Actor, user: User, code: str, *, confirmed: bool
) -> Authenticator | RecoveryCode:
    with transaction.atomic():
        device: Authenticator | None = (
            Authenticator.objects.select_for_update()
            .filter(user=user.pk, confirmed=confirmed)
            .first()
        )
        if device is None:
            raise NotSetUp
        allowed, refusal = device.verify_is_allowed()  # type: ignore[no-untyped-call]
        if not allowed:
            raise TooManyTries(refusal["locked_until"])
        spent = _matching(device, code, timezone.now())
        if spent is None:
            # Each one makes the next wait longer, so there are few entries of them.
            _record(by, user, "factor.code_refused")
            device.throttle_increment(commit=False)
        else:
            device.throttle_reset(commit=False)  # type: ignore[no-untyped-call]
        device.save()
    if spent is None:
        raise WrongCode
    return spent


def _matching(
    device: Authenticator, code: str, now: datetime
) -> Authenticator | RecoveryCode | None:
    text = "".join(code.lower().replace("-", " ").split())
    try:
        key = b32decode(device.reveal())
    except encryption.Undecryptable:
        # The recovery codes are still good.
        logger.exception("The second factor of staff %s.", device.user_id)
    else:
        if device.accepts(text, at=now, key=key):
            return device
    if len(text) == former_recovery_codes.LENGTH:
        end = former_recovery_codes.end()
        if end is not None and end <= now:
            return None
    digests = [_digest(text, pepper) for pepper in keyformat.peppers()]
    unused_codes = device.recovery_codes.filter(used_at=None, digest__in=digests)
    found = unused_codes.select_related("authenticator").first()
    if found is not None:
        found.used_at = now
        found.save(update_fields=["used_at"])
    return found


def _new_codes(user: User) -> list[str]:
    # Under its lock, as codes are spent: of two sets that are made at once one is voided.
    device = Authenticator.objects.select_for_update().get(user=user.pk)
    device.recovery_codes.all().delete()
    texts = [
        "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(CODES)
    ]
    pepper = keyformat.current_pepper()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(authenticator=device, digest=_digest(text, pepper))
        for text in texts
    )
    return ["-".join(text[i : i + 4] for i in range(0, _LENGTH, 4)) for text in texts]


def _digest(text: str, pepper: int) -> str:
    return keyformat.digest(f"recovery:{text}", pepper=pepper)


def _lock(user: User) -> None:
    """Two tabs that begin together take turns."""
    User.objects.select_for_update().get(pk=user.pk)


def _record(by: audit.Actor, user: User, action: str, **after: int) -> None:
    audit.record(by=by, action=action, target=user, after=after or None)
