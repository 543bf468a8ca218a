"""The actor of an operation, and the audit entry that every operation writes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.utils import timezone

from webhooks.models import (
    ApiKey,
    AuditEntry,
    Delivery,
    Endpoint,
    Event,
    EventType,
    Partner,
    Recovery,
    Subscription,
)

from . import change_rate

# Never written to the log, whatever operation they come through.
_SECRET_FIELDS = frozenset({"secret", "secrets", "key", "digest", "value"})
REDACTED = "[redacted]"


@dataclass(frozen=True)
class Actor:
    """Who asks: a member of staff, a key, the portal itself, or somebody who is not logged in."""

    kind: AuditEntry.ActorKind
    label: str
    id: str = ""
    ip: str | None = None
    dialect: str = ""
    shops: tuple[str, ...] = ()
    """The shops that the actor is bound to. Empty: it may touch every shop."""

    @classmethod
    def of_key(
        cls, key: ApiKey, *, ip: str | None = None, dialect: str = ""
    ) -> "Actor":
        return cls(
            kind=AuditEntry.ActorKind.KEY,
            label=_name_of_key(key),
            id=str(key.id),
            ip=ip,
            dialect=dialect,
            shops=key.shops,
        )

    @classmethod
    def of_staff(
        cls, *, user_id: object, username: str, ip: str | None = None
    ) -> "Actor":
        return cls(
            kind=AuditEntry.ActorKind.STAFF, label=username, id=str(user_id), ip=ip
        )


@dataclass(frozen=True)
class EncryptionKey:
    """A key of ENCRYPTION_KEYS, which has no row."""

    name: str


@dataclass(frozen=True)
class UserName:
    """A name that somebody gave at the login, and that no user has."""

    name: str


NoRow = EncryptionKey | UserName

SYSTEM = Actor(kind=AuditEntry.ActorKind.SYSTEM, label="system")


def record(
    *,
    by: Actor,
    action: str,
    target: Model | NoRow,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write one entry in the caller's transaction, as `entry` makes it.

    Raises limits.LimitReached where keys of the partner have made too many changes."""
    made = entry(by=by, action=action, target=target, before=before, after=after)
    made.save(force_insert=True)
    change_rate.hold(made)
    return made


def entry(
    *,
    by: Actor,
    action: str,
    target: Model | NoRow,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """An unsaved entry of this moment, with secrets redacted.

    Where both sides are given, only the fields that differ are kept.
    """
    if before is not None and after is not None:
        changed = {
            k for k in before.keys() | after.keys() if before.get(k) != after.get(k)
        }
        before = {k: v for k, v in before.items() if k in changed}
        after = {k: v for k, v in after.items() if k in changed}
    described = _described(target)
    return AuditEntry(
        at=timezone.now(),
        actor_kind=by.kind,
        actor_id=by.id,
        actor=by.label[:200],
        ip=by.ip,
        action=action,
        target_type=described.type,
        target_id=described.id[:64],
        target=described.name[:300],
        partner_id=described.partner_id,
        dialect=described.dialect or by.dialect,
        before=_redacted(before),
        after=_redacted(after),
    )


@dataclass(frozen=True)
class _Described:
    """The name of a row in the log; the row may be deleted later."""

    type: str
    id: str
    name: str
    partner_id: UUID | None = None
    dialect: str = ""


# As entries have named them from the first; a model without a name here is not audited.
_TYPES: dict[type[Model], str] = {
    ApiKey: "key",
    Delivery: "delivery",
    Endpoint: "endpoint",
    Event: "event",
    EventType: "event_type",
    Group: "group",
    Partner: "partner",
    Recovery: "recovery",
    Subscription: "subscription",
    User: "user",
}


def _described(row: Model | NoRow) -> _Described:
    match row:
        case EncryptionKey():
            return _Described("encryption_key", row.name, row.name)
        case UserName():
            return _Described("user", "", row.name)
        case ApiKey():
            name = _name_of_key(row)
        case Delivery():
            name = f"{row.event.type} to {row.url}"
        case Event():
            name = row.type
        case _:
            name = str(row)
    owner = row.subscription if isinstance(row, Endpoint) else row
    partner_id = row.pk if isinstance(row, Partner) else None
    return _Described(
        type=_TYPES[row.__class__],
        id=str(row.pk),
        name=name,
        partner_id=getattr(owner, "partner_id", partner_id),
        dialect=getattr(owner, "dialect", ""),
    )


def _name_of_key(key: ApiKey) -> str:
    return f"{key.name} ({key.prefix})" if key.name else key.prefix


def _redacted(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    if fields is None:
        return None
    return {k: REDACTED if k in _SECRET_FIELDS and v else v for k, v in fields.items()}
