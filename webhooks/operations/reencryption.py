"""Encrypts every stored secret anew with the first encryption key, beside running workers.

A worker that read a secret before that can still decrypt it, because every configured key
decrypts. A row that another process changed meanwhile is left to the next run.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from webhooks.models import Answer, Authenticator, SigningSecret, encryption

from . import audit

BATCH = 500

Sealed = SigningSecret | Answer | Authenticator
KINDS: tuple[type[Sealed], ...] = (SigningSecret, Answer, Authenticator)


@dataclass(frozen=True)
class Batch:
    """The result of one batch; `last` is None when there was nothing left."""

    last: UUID | int | None
    moved: int = 0
    unreadable: int = 0


def next_batch(
    *,
    of: type[Sealed],
    by: audit.Actor,
    after: UUID | int | None = None,
    size: int = BATCH,
) -> Batch:
    """Re-encrypt the next rows with an id above `after` that another key encrypted.

    One transaction, with an audit entry of how many. What is already under the first key
    is not read, so a run that was cut short goes on where it stopped. What no configured
    key opens is counted and stays.
    """
    current = next(iter(encryption.keys()))
    field = of.SEALED
    rows = of._default_manager.exclude(**{f"{field}__startswith": f"{current}:"})
    if after is not None:
        rows = rows.filter(id__gt=after)
    moved = unreadable = 0
    last: UUID | int | None = None
    with transaction.atomic():
        for row in rows.order_by("id")[:size]:
            last = row.id
            stored = getattr(row, field)
            try:
                row.seal(row.reveal())
            except encryption.Undecryptable:
                unreadable += 1
                continue
            same = of._default_manager.filter(**{"id": row.id, field: stored})
            moved += same.update(**{field: getattr(row, field)})
        if moved:
            audit.record(
                by=by,
                action="secrets.reencrypted",
                target=audit.EncryptionKey(current),
                after={"count": moved},
            )
    return Batch(last=last, moved=moved, unreadable=unreadable)
