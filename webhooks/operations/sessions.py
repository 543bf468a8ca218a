"""The sessions of staff: begun at the login, seen, listed, ended."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from webhooks.delivery.periodic_tasks import PeriodicTask
from webhooks.models import StaffSession

from . import audit

MAX_AGENT = 200
"""Characters that are kept of what a browser says it is."""

_BATCH = 1000


class NoSession(Exception):
    """There is none of this id, or it is over."""


def begin(*, user_id: int, user_agent: str, address: str | None) -> StaffSession:
    """Not audited: the login is."""
    now = timezone.now()
    return StaffSession.objects.create(
        user_id=user_id,
        user_agent=_text(user_agent),
        address=address,
        started_at=now,
        seen_at=now,
    )


def record_activity(session: StaffSession) -> None:
    StaffSession.objects.filter(pk=session.pk).update(seen_at=timezone.now())


def live(user: User) -> list[StaffSession]:
    """Those that are not over, the one that was used last first."""
    rows = StaffSession.objects.filter(user=user.pk).exclude(_is_over(timezone.now()))
    return list(rows.order_by("-seen_at", "-id"))


def close(id: str) -> None:
    """At the log-out of its owner. Not audited: the log-out is."""
    StaffSession.objects.filter(pk=id).delete()


def end(*, by: audit.Actor, user: User, id: UUID) -> None:
    """From its next request on, this session is over. Raises NoSession."""
    with transaction.atomic():
        session = StaffSession.objects.filter(user=user.pk, pk=id).first()
        if session is None:
            raise NoSession
        session.delete()
        shown = {"user_agent": session.user_agent, "address": session.address}
        audit.record(by=by, action="session.revoked", target=user, before=shown)


def end_all(*, by: audit.Actor, user: User, but: str | None = None) -> int:
    """End every session of `user`, `but` the one of this id; how many."""
    with transaction.atomic():
        rows = StaffSession.objects.filter(user=user.pk)
        count, _ = (rows.exclude(pk=but) if but else rows).delete()
        if count:
            audit.record(
                by=by, action="session.all_revoked", target=user, after={"count": count}
            )
    return count


def forget() -> bool:
    """Delete a batch of what is over; whether there is more."""
    now = timezone.now()
    over = StaffSession.objects.filter(_is_over(now))
    batch = list(over.values_list("pk", flat=True)[:_BATCH])
    StaffSession.objects.filter(pk__in=batch).delete()
    expired = Session.objects.filter(expire_date__lt=now)
    stale = list(expired.values_list("pk", flat=True)[:_BATCH])
    Session.objects.filter(pk__in=stale).delete()
    return _BATCH in (len(batch), len(stale))


def _is_over(now: datetime) -> Q:
    age = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    idle = timedelta(seconds=settings.SESSION_IDLE_SECONDS)
    return Q(started_at__lte=now - age) | Q(seen_at__lte=now - idle)


def _text(user_agent: str) -> str:
    """What a header says, as a database stores it."""
    text = user_agent.encode("utf-8", "replace").decode().replace("\0", "")
    return " ".join(text.split())[:MAX_AGENT]


PERIODIC_TASK = PeriodicTask(name="sessions", every=600, run=forget)
