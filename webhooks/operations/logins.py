"""Audit entries of logins: that succeeded, failed, were locked out, and sessions that ended.

Anybody can fail to log in, as often as they like. A name is locked for an address after a few
failures, and nothing is recorded while it is. All names and addresses together leave no more than
`MOST_AN_HOUR` entries; the access log has the rest.
"""

import logging

from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone

from webhooks.models import AuditEntry

from . import audit
from .hidden_characters import HIDDEN

logger = logging.getLogger(__name__)

MOST_AN_HOUR = 1_000
"""Entries of failed logins: in each process, or of all where they share a cache."""

LONGEST_NAME = 150  # as a user name may be
_HOUR = 3600  # seconds


def visitor(ip: str | None) -> audit.Actor:
    """Somebody who is not logged in."""
    return audit.Actor(
        kind=AuditEntry.ActorKind.VISITOR, label=ip or "unknown address", ip=ip
    )


def succeeded(*, by: audit.Actor, is_complete: bool = True) -> None:
    """The member of staff gave the right password; with `is_complete` no code of a second
    factor is still to come."""
    action = "login.succeeded" if is_complete else "login.password_accepted"
    audit.record(by=by, action=action, target=User.objects.get(pk=by.id))


def failed(*, by: audit.Actor, name: str) -> None:
    """A wrong password for `name`, which may be nobody's. The password is not looked at."""
    if _may_record():
        audit.record(by=by, action="login.failed", target=_named(name))


def locked_out(*, by: audit.Actor, name: str) -> None:
    """The failure that locks the name, or every name, for the address for some minutes."""
    if _may_record():
        audit.record(by=by, action="login.locked_out", target=_named(name))


def ended(*, by: audit.Actor, reason: str) -> None:
    """The session of a member of staff is over; `reason` is a sentence."""
    audit.record(
        by=by,
        action="session.ended",
        target=User.objects.get(pk=by.id),
        after={"reason": reason},
    )


def _named(name: str) -> User | audit.UserName:
    text = HIDDEN.sub("\N{REPLACEMENT CHARACTER}", name)[:LONGEST_NAME]
    user = User.objects.filter(username=text).first()
    return user or audit.UserName(text)


def _may_record() -> bool:
    hour = int(timezone.now().timestamp()) // _HOUR
    try:
        cache.add(f"failed-logins:{hour}", 0, timeout=2 * _HOUR)
        count = cache.incr(f"failed-logins:{hour}")
    except Exception:  # each cache has exceptions of its own
        logger.exception("Failed logins are not counted: the cache does not answer.")
        return True
    if count == MOST_AN_HOUR + 1:
        logger.warning("No more failed logins are recorded in this hour.")
    return count <= MOST_AN_HOUR
