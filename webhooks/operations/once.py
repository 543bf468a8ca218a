"""What is asked for twice and made once: who asks gives the id that the new row will have.

Not every id will do for an event or a delivery. Lists, recoveries and what deletes the old
find them by the time in their ids, so one that tells another time would be shown at the
wrong place and never be deleted.
"""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from webhooks.models import ids

Row = TypeVar("Row", bound=Model)


class IdRefused(Exception):
    """No new row may have this id: it tells another time than now, or is another row's."""


def made(rows: QuerySet[Row], id: UUID, *, now: datetime) -> Row | None:
    """What an earlier call has made, of the `rows` that such a call makes; None if this
    is the first. Raises IdRefused."""
    row = rows.filter(id=id).first()
    if row is not None:
        return row
    if not ids.tells(id, now) or rows.model._default_manager.filter(id=id).exists():
        raise IdRefused(id)
    return None
