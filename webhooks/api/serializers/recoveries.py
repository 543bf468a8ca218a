"""Recoveries: the filter, the preview and the progress."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers

from webhooks.models import Recovery, Subscription
from webhooks.operations import recoveries, recovery_selection
from webhooks.operations.recoveries import Outcome
from webhooks.rest.fields import Flag, List, Strict, Text

from .fields import Moment, timestamp
from .queries import Dialect

IS_TOTAL_EXACT = (
    "False where only the oldest "
    f"{recovery_selection.MOST_COUNTED:,} deliveries, or events, were looked through to count: "
    "there may be more, and all are replayed."
)


class RecoveryFilter(Strict):
    """Selects the deliveries to replay; every field narrows the selection."""

    outcomes = List(
        child=serializers.ChoiceField(choices=[str(o) for o in Outcome]),
        min_length=1,
        max_length=len(Outcome),
        help_text="How the delivery ended. `missed` are events that match the subscription "
        "as it is now and have no delivery to it.",
    )
    since = Moment(help_text="Events that were published then or later,")
    until = Moment(required=False, help_text="and before; without it, until now.")
    subscription = Text(
        required=False,
        allow_null=True,
        max_length=64,
        help_text="Its id; null is all of the partner's. `missed` needs one.",
    )
    dialect = Dialect()
    event_types = List(
        child=Text(max_length=128),
        required=False,
        max_length=200,
        help_text="None: every type.",
    )


class NewRecovery(RecoveryFilter):
    """What to replay, and how."""

    rerender = Flag(
        required=False,
        default=False,
        help_text="Render the events anew instead of sending the bytes of the first time.",
    )


class OutcomeCounts(serializers.Serializer[Any]):
    """The counts of the outcomes that were selected."""

    exhausted = serializers.IntegerField(required=False)
    cancelled = serializers.IntegerField(required=False)
    not_sent = serializers.IntegerField(required=False)
    delivered = serializers.IntegerField(required=False)
    missed = serializers.IntegerField(required=False)


class RecoveryPreview(serializers.Serializer[Any]):
    """What a recovery would replay now."""

    counts = OutcomeCounts()
    total = serializers.IntegerField()
    is_total_exact = serializers.BooleanField(help_text=IS_TOTAL_EXACT)


class RecoveryProgress(serializers.Serializer[Any]):
    """The deliveries that it has queued so far, by their state."""

    pending = serializers.IntegerField()
    delivered = serializers.IntegerField()
    exhausted = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class PartnerRecovery(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.CharField(help_text="`running`, `done` or `cancelled`.")
    outcomes = serializers.ListField(child=serializers.CharField())
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    dialect = serializers.CharField(allow_null=True)
    subscription = serializers.CharField(allow_null=True)
    event_types = serializers.ListField(child=serializers.CharField())
    is_rerendered = serializers.BooleanField()
    total = serializers.IntegerField(
        help_text="What was selected when it was started. It grows with `done` where not "
        "all was counted."
    )
    is_total_exact = serializers.BooleanField(help_text=IS_TOTAL_EXACT)
    done = serializers.IntegerField(
        help_text="How many of them are queued again. It ends below `total` if some were "
        "delivered, or lost their receiver, in the meantime."
    )
    deliveries = RecoveryProgress()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RecoveryPage(serializers.Serializer[Any]):
    """The latest first."""

    data = PartnerRecovery(many=True)  # type: ignore[assignment]
    next = serializers.URLField(allow_null=True)


def one(row: Recovery) -> dict[str, Any]:
    return many([row])[0]


def many(rows: Sequence[Recovery]) -> list[dict[str, Any]]:
    """Two statements, however many there are."""
    named = {row.filter["subscription"] for row in rows} - {None}
    subscriptions = Subscription.objects.in_bulk([UUID(id) for id in named])
    progress = recoveries.progress(rows)
    return [_recovery(row, subscriptions, progress[row.id]) for row in rows]


def _recovery(
    row: Recovery,
    subscriptions: Mapping[UUID, Subscription],
    progress: recoveries.Progress,
) -> dict[str, Any]:
    id = row.filter["subscription"]
    subscription = subscriptions[UUID(id)] if id else None
    return {
        "id": str(row.id),
        "state": row.state,
        "outcomes": row.filter["outcomes"],
        "since": timestamp(datetime.fromisoformat(row.filter["since"])),
        "until": timestamp(datetime.fromisoformat(row.filter["until"])),
        "dialect": subscription and subscription.dialect,
        "subscription": subscription and subscription.public_id,
        "event_types": row.filter["types"],
        "is_rerendered": row.is_rerendered,
        "total": row.total,
        "is_total_exact": recovery_selection.is_total_exact(row),
        "done": row.done,
        "deliveries": {
            "pending": progress.pending,
            "delivered": progress.delivered,
            "exhausted": progress.exhausted,
            "cancelled": progress.cancelled,
        },
        "created_at": timestamp(row.created_at),
        "finished_at": timestamp(row.finished_at),
    }
