"""Audit entries of staff accounts and groups, and the change of one's own password.

The rows are Django's own, and its admin writes them.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from webhooks.models import InitialPassword

from . import audit, sessions


def record_change(*, by: audit.Actor, account: User | Group, act: str) -> None:
    """Record that `account` was `created`, `updated` or `deleted`, as it is now.

    In the caller's transaction. Sessions end of who may log in no longer.
    """
    if isinstance(account, User) and act == "updated" and not _may_log_in(account):
        sessions.end_all(by=by, user=account)
    audit.record(
        by=by,
        action=f"{account._meta.model_name}.{act}",
        target=account,
        before=_state(account) if act == "deleted" else None,
        after=_state(account) if act != "deleted" else None,
    )


def change_password(
    *, by: audit.Actor, user: User, password: str, session: str | None
) -> None:
    """Set a password that was validated. It ends every session of `user` but `session`,
    which the caller keeps with django.contrib.auth.update_session_auth_hash."""
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        InitialPassword.objects.filter(user=user.pk).delete()
        record_change(by=by, account=user, act="password_changed")
        sessions.end_all(by=by, user=user, but=session)


def require_own_password(*, user: User) -> None:
    """`user` has a password that somebody else knows, and must choose another. In the
    caller's transaction."""
    InitialPassword.objects.update_or_create(
        user=user,
        defaults={
            "fingerprint": InitialPassword.fingerprint_of(user),
            "set_at": timezone.now(),
        },
    )


def initial_password(user: User) -> InitialPassword | None:
    """Of a user whose present password somebody else has set."""
    try:
        found: InitialPassword = user.initial_password
    except InitialPassword.DoesNotExist:
        return None
    return found if found.is_of_now else None


def has_expired(initial: InitialPassword) -> bool:
    valid = timedelta(hours=settings.INITIAL_PASSWORD_HOURS)
    return timezone.now() - initial.set_at >= valid


def _may_log_in(user: User) -> bool:
    return user.is_active and user.is_staff


def _state(account: User | Group) -> dict[str, Any]:
    if isinstance(account, Group):
        return {"name": account.name, "permissions": _names(account.permissions)}
    return {
        "username": account.username,
        "email": account.email,
        "is_active": account.is_active,
        "is_staff": account.is_staff,
        "is_superuser": account.is_superuser,
        "groups": _names(account.groups),
        "permissions": _names(account.user_permissions),
    }


def _names(rows: Any) -> list[str]:
    return sorted(str(row) for row in rows.all())
