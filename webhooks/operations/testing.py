"""Sends a test event to one subscription."""

from django.db import transaction
from django.utils import timezone

from webhooks.delivery import outbox, wire
from webhooks.models import Event, EventType, Subscription

from . import audit, deliveries, send_rate, subscriptions

TYPE = "webhook.test"

_DATA = {"message": "This is a test. Nothing happened."}


class Untestable(Exception):
    """The subscription's dialect has no name for an event that could be sent."""


def send(
    *,
    by: audit.Actor,
    subscription: Subscription,
    type: str | None = None,
) -> Event:
    """Send the subscription, and nobody else, an event that did not happen.

    It is logged and queued like any other event, but it is tried once: the person who tests
    looks at the answer, fixes the receiver and sends another. Its type is the given one, else
    `webhook.test`, else (if the dialect has no name for that) the first type that the
    subscription matches. Its data is the example of its type. Raises deliveries.NotReceiving, Untestable,
    subscriptions.Deleted and limits.LimitReached.
    """
    with transaction.atomic():
        live = Subscription.objects.live().within(by.shops)
        live = deliveries.with_receivers(live)
        row = live.filter(id=subscription.id).first()
        if row is None:
            raise subscriptions.Deleted(subscription.id)
        endpoints = deliveries.receivers(row)
        type = _expressible(row, type)
        send_rate.look(row.partner, row.id, urls=len(endpoints))
        now = timezone.now()
        entry = EventType.objects.filter(name=type).first()
        event = Event.objects.create(
            partner=row.partner,
            type=type,
            data=(entry and entry.example) or _DATA,
            attributes={Event.TEST_OF: str(row.id)},
            occurred_at=now,
            created_at=now,
            matched=1,
        )
        outbox.enqueue(deliveries.queued(event, row, endpoints, now=now))
        after = {
            "event": str(event.id),
            "type": type,
            "subscription": str(row.id),
            "urls": len(endpoints),
        }
        audit.record(by=by, action="subscription.tested", target=row, after=after)
        send_rate.hold(row.partner, row.id)
    return event


def _expressible(subscription: Subscription, type: str | None) -> str:
    profile = wire.profiles().get(subscription.profile)
    if profile is None:
        raise Untestable
    if type is not None or profile.name_of(TYPE) is not None:
        type = type or TYPE
        if profile.name_of(type) is None:
            raise Untestable(type)
        return type
    for type, name in profile.event_names.items():
        if profile.matches(subscription.events, name):
            return type
    raise Untestable
