"""Audit entries of staff accounts and groups, and the change of one's own password.

The rows are Django's own, and its admin writes them.
"""

from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction

from . import audit


def record_change(*, by: audit.Actor, account: User | Group, act: str) -> None:
    """Record that `account` was `created`, `updated` or `deleted`, as it is now.

    In the caller's transaction.
    """
    audit.record(
        by=by,
        action=f"{account._meta.model_name}.{act}",
        target=account,
        before=_state(account) if act == "deleted" else None,
        after=_state(account) if act != "deleted" else None,
    )


def change_password(*, by: audit.Actor, user: User, password: str) -> None:
    """Set a password that was validated. It ends every session of `user`; the caller keeps
    its own with django.contrib.auth.update_session_auth_hash."""
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        record_change(by=by, account=user, act="password_changed")


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
