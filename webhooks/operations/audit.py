"""The actor of an operation, and the entry that every operation leaves behind."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from webhooks.models import ApiKey, AuditEntry

# Never written to the log, whatever operation they come through.
_SECRET_FIELDS = frozenset({"secret", "secrets", "key", "digest", "value"})
REDACTED = "[redacted]"


@dataclass(frozen=True)
class Actor:
    """Who asks: a member of staff, a key, or the portal itself."""

    kind: AuditEntry.ActorKind
    label: str
    id: str = ""
    ip: str | None = None
    dialect: str = ""

    @classmethod
    def of_key(
        cls, key: ApiKey, *, ip: str | None = None, dialect: str = ""
    ) -> "Actor":
        return cls(
            kind=AuditEntry.ActorKind.KEY,
            label=f"{key.name} ({key.prefix})" if key.name else key.prefix,
            id=str(key.id),
            ip=ip,
            dialect=dialect,
        )

    @classmethod
    def of_staff(
        cls, *, user_id: object, username: str, ip: str | None = None
    ) -> "Actor":
        return cls(
            kind=AuditEntry.ActorKind.STAFF, label=username, id=str(user_id), ip=ip
        )


SYSTEM = Actor(kind=AuditEntry.ActorKind.SYSTEM, label="system")


def record(
    *,
    by: Actor,
    action: str,
    at: datetime,
    target_type: str,
    target_id: UUID | str,
    target: str,
    partner_id: UUID | None,
    dialect: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write one entry in the caller's transaction, with secrets redacted.

    Where both sides are given, only the fields that differ are kept.
    """
    if before is not None and after is not None:
        changed = {
            k for k in before.keys() | after.keys() if before.get(k) != after.get(k)
        }
        before = {k: v for k, v in before.items() if k in changed}
        after = {k: v for k, v in after.items() if k in changed}
    return AuditEntry.objects.create(
        at=at,
        actor_kind=by.kind,
        actor_id=by.id,
        actor=by.label[:200],
        ip=by.ip,
        action=action,
        target_type=target_type,
        target_id=str(target_id),
        target=target[:300],
        partner_id=partner_id,
        dialect=dialect or by.dialect,
        before=_redacted(before),
        after=_redacted(after),
    )


def _redacted(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    if fields is None:
        return None
    return {k: REDACTED if k in _SECRET_FIELDS and v else v for k, v in fields.items()}
