"""Deliveries and attempts as a partner may see them.

Every failure without an answer has the same error and no duration. A difference would
reveal which hosts and ports exist in the receiver's network.
"""

from typing import Any

from rest_framework import serializers

from webhooks.delivery.result import UNREACHABLE, Outcome, Result
from webhooks.models import Attempt, Delivery, Event
from webhooks.rest.fields import Flag, Strict, Text

from .fields import timestamp

NOT_MADE = "The portal could not make the request."


class DeliveredEvent(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    type = serializers.CharField()
    occurred_at = serializers.DateTimeField()


class PartnerDelivery(serializers.Serializer[Any]):
    """The delivery of an event to one URL."""

    id = serializers.UUIDField()
    event = DeliveredEvent()
    dialect = serializers.CharField()
    subscription = serializers.CharField(help_text="Its id as the dialect shows it.")
    url = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=Delivery.State.choices)
    attempts = serializers.IntegerField()
    last_status = serializers.IntegerField(
        allow_null=True, help_text="The HTTP status of the last answer."
    )
    error = serializers.CharField(
        allow_null=True, help_text="Why the last attempt failed."
    )
    reason = serializers.CharField(
        allow_null=True, help_text="Why it ended without an answer."
    )
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.DateTimeField(
        allow_null=True,
        help_text="Null when it is settled, and while an attempt is running.",
    )
    settled_at = serializers.DateTimeField(allow_null=True)
    redelivery_of = serializers.UUIDField(
        allow_null=True, help_text="The delivery that it repeats."
    )
    is_rerendered = serializers.BooleanField()
    recovery = serializers.UUIDField(allow_null=True)


class DeliveryPage(serializers.Serializer[Any]):
    """The latest first."""

    data = PartnerDelivery(many=True)  # type: ignore[assignment]
    next = serializers.URLField(allow_null=True)


class DeliveryAttempt(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField(
        allow_null=True, help_text="Null where there was no answer."
    )
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    request_headers = serializers.DictField(child=serializers.CharField())
    response_headers = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField())
    )
    response_body = serializers.CharField(help_text="At most 16 KiB of it.")


class DeliveryWithAttempts(PartnerDelivery):
    """A delivery, the data of its event, and every attempt that was made."""

    data = serializers.DictField()  # type: ignore[assignment]
    attempt_log = DeliveryAttempt(many=True)


class Redelivery(Strict):
    """How a delivery is sent again."""

    rerender = Flag(
        required=False,
        default=False,
        help_text="Render the event anew instead of sending the bytes of the first time.",
    )


class Test(Strict):
    """What a test is to look like."""

    event_type = Text(
        required=False,
        max_length=128,
        help_text="Of the catalogue, with its example as the data; without it "
        "`webhook.test`, or the first type that the dialect has a name for.",
    )


class TestSent(serializers.Serializer[Any]):
    """A test event, which only this subscription receives."""

    event = DeliveredEvent()
    deliveries = PartnerDelivery(many=True)


def public_error(outcome: str, status: int | None) -> str | None:
    """The error that a partner sees; None after a success, and before any attempt."""
    if not outcome:
        return None
    if outcome not in set(Outcome):
        return NOT_MADE
    result = Result(outcome=Outcome(outcome), duration=0.0, status=status)
    return result.public_error or None


def delivered_event(event: Event) -> dict[str, Any]:
    return {
        "id": str(event.id),
        "type": event.type,
        "occurred_at": timestamp(event.occurred_at),
    }


def partner_delivery(row: Delivery) -> dict[str, Any]:
    is_waiting = row.claim_token is None
    return {
        "id": str(row.id),
        "event": delivered_event(row.event),
        "dialect": row.subscription.dialect,
        "subscription": row.subscription.public_id,
        "url": row.url or None,
        "state": row.state,
        "attempts": row.attempts,
        "last_status": row.last_status,
        "error": public_error(row.last_outcome, row.last_status),
        "reason": row.reason or None,
        "created_at": timestamp(row.created_at),
        "next_attempt_at": timestamp(row.due_at) if is_waiting else None,
        "settled_at": timestamp(row.settled_at),
        "redelivery_of": row.redelivery_of and str(row.redelivery_of),
        "is_rerendered": row.is_rerendered,
        "recovery": row.recovery_id and str(row.recovery_id),
    }


def attempt(row: Attempt) -> dict[str, Any]:
    error = public_error(row.outcome, row.status)
    is_answered = error not in (UNREACHABLE, NOT_MADE)
    return {
        "number": row.number,
        "started_at": timestamp(row.started_at),
        "duration_ms": row.duration_ms if is_answered else None,
        "status": row.status,
        "error": error,
        "request_headers": row.request_headers,
        "response_headers": row.response_headers if is_answered else [],
        "response_body": bytes(row.response_body).decode(errors="replace")
        if is_answered
        else "",
    }


def with_attempts(row: Delivery) -> dict[str, Any]:
    log = row.attempt_log.defer("request_body").order_by("number")
    return {
        **partner_delivery(row),
        "data": row.event.data,
        "attempt_log": [attempt(one) for one in log],
    }
