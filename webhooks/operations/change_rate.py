"""The rate of the changes that a partner's keys make.

Each leaves an audit entry, and many leave rows beside it, which nothing deletes. They are counted
by these entries, which every process sees, and which have an index by partner and time.
"""

from math import ceil

from django.utils import timezone

from webhooks.models import AuditEntry

from . import limited_rows, limits


def hold(entry: AuditEntry) -> None:
    """Refuse the change that has written this entry, where the partner's keys have made too many
    in an hour. One statement, which takes no lock: of many at once each may be let in.

    What only switches a subscription off is never refused. Raises limits.LimitReached.
    """
    partner_id = entry.partner_id
    is_by_key = entry.actor_kind == AuditEntry.ActorKind.KEY
    if (
        partner_id is None
        or not is_by_key
        or entry.action not in limited_rows.CHANGES_MADE
    ):
        return
    if entry.after == {"is_active": False}:
        return
    limit = limits.CHANGES
    partner = limits.with_counts(partner_id, [limit]).only("id", "limits").get()
    if getattr(partner, limit.column) <= (most := limit.of(partner)):
        return
    assert limit.rows is not None  # noqa: S101 - it counts rows
    # The change that must leave the hour first, and all before it.
    at = limit.rows(partner_id).order_by("-at").values_list("at", flat=True)[most]
    wait = ceil((at + limited_rows.HOUR - timezone.now()).total_seconds())
    raise limits.LimitReached(limit, most, wait=max(wait, 1))
