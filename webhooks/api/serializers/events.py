"""Events: to publish, and as they were published."""

from typing import Any

from rest_framework import serializers

from webhooks.models import Delivery, Event, ids
from webhooks.operations import eventchecks, events
from webhooks.rest.fields import List, Strict, Text

from .fields import EventName, Id, Moment, moment, timestamp
from .problems import Problem
from .queries import Query

MAX_BATCH = 1000

MOST_DELIVERIES = 1000
"""Deliveries of an event that one answer shows."""


class NewEvent(Strict):
    """An event to publish."""

    partner = Id(help_text="The id of the partner it happened at.")
    type = EventName(
        max_length=eventchecks.MAX_TYPE,
        help_text="Its canonical type, such as `customer.created`.",
    )
    data = serializers.DictField(  # type: ignore[assignment]
        help_text="What happened; at most 256 KiB of JSON."
    )
    idempotency_key = Text(
        required=False,
        max_length=eventchecks.MAX_KEY,
        help_text="Unique per partner; the `Idempotency-Key` header says the same.",
    )
    occurred_at = Moment(required=False, help_text="When it happened; without it, now.")
    attributes = serializers.DictField(
        required=False,
        help_text="With a `shop_id`, subscriptions that are bound to another shop do not "
        "match.",
    )


_READER = NewEvent()
_FIELDS = frozenset(_READER.fields)


def new_event(item: Any) -> dict[str, Any]:
    """What NewEvent makes of it; raises ValidationError.

    What is valid is found so without the serializer, which takes 20 us for each: nearly all
    are. Only the serializer says that something is wrong, and what.
    """
    found = _valid(item) if type(item) is dict and item.keys() <= _FIELDS else None
    return dict(_READER.run_validation(item)) if found is None else found


def _valid(item: dict[str, Any]) -> dict[str, Any] | None:
    """The values of an object that is surely valid; None where the serializer must look."""
    partner, name, data = item.get("partner"), item.get("type"), item.get("data")
    id = ids.parse(partner) if type(partner) is str else None
    if (
        id is None
        or type(name) is not str
        or len(name) > eventchecks.MAX_TYPE
        or not eventchecks.TYPE.fullmatch(name)
        or type(data) is not dict
    ):
        return None
    found = {"partner": id, "type": name, "data": data}
    for field, value in item.items():
        if field in found:
            continue
        if field == "idempotency_key":
            is_valid = (
                type(value) is str
                and 0 < len(value) <= eventchecks.MAX_KEY
                and value.isascii()
                and "\0" not in value
            )
        elif field == "attributes":
            is_valid = type(value) is dict
        else:
            value = moment(value)
            is_valid = value is not None
        if not is_valid:
            return None
        found[field] = value
    return found


class Batch(Strict):
    """Events to publish together, of any partners."""

    events = List(child=NewEvent(), min_length=1, max_length=MAX_BATCH)


class Items(Strict):
    """The same before its items are validated: each item is refused by itself."""

    events = List(min_length=1, max_length=MAX_BATCH)


class PublishedEvent(serializers.Serializer[Any]):
    """An event as it was published."""

    id = serializers.UUIDField()
    partner = serializers.UUIDField()
    type = serializers.CharField()
    idempotency_key = serializers.CharField(allow_null=True)
    occurred_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    attributes = serializers.DictField()
    matched = serializers.IntegerField(help_text="How many subscriptions match.")
    unmatched_reason = serializers.CharField(
        allow_null=True, help_text="Why none matches; null if one does."
    )
    unqueued = serializers.IntegerField(
        help_text="How many of the matching subscriptions have no delivery yet. Workers "
        "write the deliveries of an event that has very many; 0 when all are written."
    )


def published(outcome: events.Published) -> dict[str, Any]:
    return published_event(outcome.event, unqueued=outcome.unqueued)


def published_event(event: Event, *, unqueued: int) -> dict[str, Any]:
    return {
        "id": str(event.id),
        "partner": str(event.partner_id),
        "type": event.type,
        "idempotency_key": event.idempotency_key,
        "occurred_at": timestamp(event.occurred_at),
        "created_at": timestamp(event.created_at),
        "attributes": event.attributes,
        "matched": event.matched,
        "unmatched_reason": event.unmatched_reason or None,
        "unqueued": unqueued,
    }


class EventDelivery(serializers.Serializer[Any]):
    """The delivery of an event to one URL of one subscription."""

    id = serializers.UUIDField()
    dialect = serializers.CharField()
    subscription = serializers.CharField(help_text="Its id as the dialect shows it.")
    url = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=Delivery.State.choices)
    attempts = serializers.IntegerField()
    last_outcome = serializers.CharField(allow_null=True)
    last_status = serializers.IntegerField(
        allow_null=True, help_text="The HTTP status of the last answer."
    )
    next_attempt_at = serializers.DateTimeField(
        allow_null=True,
        help_text="Null when it is settled, and while an attempt is running.",
    )
    settled_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(
        allow_null=True, help_text="Why it ended without an answer."
    )


def event_delivery(delivery: Delivery) -> dict[str, Any]:
    # A claim pushes due_at past the deadline of the attempt that it is for.
    is_waiting = delivery.claim_token is None
    return {
        "id": str(delivery.id),
        "dialect": delivery.subscription.dialect,
        "subscription": delivery.subscription.public_id,
        "url": delivery.url or None,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "last_outcome": delivery.last_outcome or None,
        "last_status": delivery.last_status,
        "next_attempt_at": timestamp(delivery.due_at) if is_waiting else None,
        "settled_at": timestamp(delivery.settled_at),
        "reason": delivery.reason or None,
    }


class EventWithDeliveries(PublishedEvent):
    """An event with its data and its deliveries."""

    data = serializers.DictField()  # type: ignore[assignment]
    deliveries = EventDelivery(many=True)
    next = serializers.URLField(
        allow_null=True,
        help_text=f"Where the next {MOST_DELIVERIES:,} deliveries are; null if there are "
        "no more.",
    )


class EventQuery(Query):
    cursor = Text(
        required=False,
        help_text="Where the deliveries begin: use `next` as it is given.",
    )


class BatchResult(serializers.Serializer[Any]):
    """The result of one item: an event, or a problem."""

    status = serializers.IntegerField(
        help_text="202; 422 for what is wrong with the item; 503 or 500 where it was not "
        "stored and may be published again."
    )
    replayed = serializers.BooleanField(
        required=False, help_text="Whether its key had published this event before."
    )
    event = PublishedEvent(required=False)
    problem = Problem(required=False)


class BatchResults(serializers.Serializer[Any]):
    """A result for each item, in their order."""

    accepted = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = BatchResult(many=True)
