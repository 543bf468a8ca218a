"""Redelivery, and sending a waiting delivery now."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from webhooks.delivery import outbox
from webhooks.models import Delivery, Endpoint, Event, Recovery, Subscription
from webhooks.models.subscriptions import SubscriptionQuerySet

from . import access, audit, limits, send_rate


class NotReceiving(Exception):
    """Nothing can be sent to the subscription now; says why, in words."""


class UnderWay(Exception):
    """The delivery is being sent at this moment."""


class StillPending(Exception):
    """Only what has ended can be rendered anew."""


class Ended(Exception):
    """The delivery waits no longer: it was sent, or will not be."""


class Pruned(access.NotFound):
    """The delivery was pruned in the meantime."""


def with_receivers(rows: SubscriptionQuerySet) -> SubscriptionQuerySet:
    """With the endpoints that can be sent to, as `receivers`."""
    receivers = Prefetch("endpoints", Endpoint.objects.receiving(), to_attr="receivers")
    return rows.select_related("partner").prefetch_related(receivers)


def receivers(subscription: Subscription) -> list[Endpoint]:
    """The endpoints that can be sent to; raises NotReceiving."""
    if not subscription.partner.is_active:
        raise NotReceiving("The partner is inactive.")
    if subscription.deleted_at is not None:
        raise NotReceiving("The subscription was deleted.")
    if not subscription.is_active:
        raise NotReceiving("The subscription is switched off.")
    if subscription.disabled_at is not None:
        reason = subscription.disabled_reason
        raise NotReceiving(f"The subscription was disabled: {reason}")
    found: list[Endpoint] = subscription.receivers  # type: ignore[attr-defined]
    if not found:
        raise NotReceiving("The subscription has no URL that is called.")
    return found


def targets(original: Delivery, receiving: Sequence[Endpoint]) -> Sequence[Endpoint]:
    """Where it goes this time: to its endpoint, or where that was removed to the one in
    its place, or to the first. What had no URL goes to all. None for an endpoint that
    was disabled: its owner's other URLs have it already."""
    before = original.endpoint
    if before is None:
        return receiving
    if before.removed_at is None:
        return [endpoint for endpoint in receiving if endpoint.id == before.id]
    in_its_place = [e for e in receiving if e.position == before.position]
    return in_its_place or receiving[:1]


def queued(
    event: Event,
    subscription: Subscription,
    endpoints: Sequence[Endpoint],
    *,
    now: datetime,
    repeats: Delivery | None = None,
    rerender: bool = False,
    recovery: Recovery | None = None,
) -> list[Delivery]:
    """Deliveries of the event, not yet saved. `repeats` is the first of its kind: its
    bytes are sent again, or it is rendered under the subscription's profile."""
    lane = Delivery.Lane.FRESH if recovery is None else Delivery.Lane.RECOVERY
    same = None if rerender else repeats
    return [
        Delivery(
            event=event,
            partner_id=event.partner_id,
            subscription=subscription,
            endpoint=endpoint,
            url=endpoint.url,
            profile=same.profile if same else subscription.profile,
            state=Delivery.State.PENDING,
            lane=Delivery.Lane.ORDERED if subscription.is_ordered else lane,
            redelivery_of=repeats.id if repeats else None,
            is_rerendered=rerender and repeats is not None,
            recovery=recovery,
            created_at=now,
            due_at=now,
        )
        for endpoint in endpoints
    ]


def redeliver(
    *,
    by: audit.Actor,
    delivery: Delivery,
    rerender: bool = False,
    must_wait: bool = False,
) -> Delivery:
    """Send a delivery that has ended once more, as a new one; one that waits for a retry
    is sent now and returned itself.

    The event's id is the same, and so are the bytes, unless it is rendered anew; what
    was never rendered is. What had no URL goes to every URL that the subscription has,
    and the first of these deliveries is returned. `must_wait`: one that has ended is not
    sent. Raises NotReceiving, UnderWay, StillPending, Ended, Pruned and
    limits.LimitReached.
    """
    with transaction.atomic():
        rows = Delivery.objects.select_related("event", "endpoint", "partner")
        try:
            locked = access.locked(rows, delivery.id, by=by)
        except access.NotFound:
            raise Pruned(delivery.id) from None
        if locked.state == Delivery.State.PENDING:
            send_rate.look(locked.partner, locked.subscription_id, urls=1)
            _send_now(locked, rerender)
            after = {"subscription": str(locked.subscription_id), "urls": 1}
            audit.record(by=by, action="delivery.sent_now", target=locked, after=after)
            send_rate.hold(locked.partner, locked.subscription_id)
            return locked
        if must_wait:
            raise Ended(delivery.id)
        subscription = with_receivers(Subscription.objects.all()).get(
            id=locked.subscription_id
        )
        endpoints = targets(locked, receivers(subscription))
        if not endpoints and locked.endpoint:
            raise _disabled(locked.endpoint)
        limits.look(locked.partner, {limits.SENT_AGAIN: len(endpoints)})
        send_rate.look(locked.partner, subscription.id, urls=len(endpoints))
        new = queued(
            locked.event,
            subscription,
            endpoints,
            now=timezone.now(),
            repeats=_first(locked),
            rerender=rerender,
        )
        outbox.enqueue(new)
        audit.record(
            by=by,
            action="delivery.redelivered",
            target=locked,
            after={
                "subscription": str(subscription.id),
                "urls": len(new),
                "deliveries": [str(d.id) for d in new],
                "rerendered": rerender,
            },
        )
        limits.hold(locked.partner, limits.SENT_AGAIN)
        send_rate.hold(locked.partner, locked.subscription_id)
    return new[0]


def _send_now(delivery: Delivery, rerender: bool) -> None:
    if delivery.claim_token is not None:
        raise UnderWay(delivery.id)
    if rerender:
        raise StillPending(delivery.id)
    if delivery.endpoint and delivery.endpoint.disabled_at is not None:
        raise _disabled(delivery.endpoint)  # it is about to be cancelled
    outbox.send_now(delivery.id)
    delivery.refresh_from_db()


def _disabled(endpoint: Endpoint) -> NotReceiving:
    return NotReceiving(f"The endpoint was disabled: {endpoint.disabled_reason}")


def _first(delivery: Delivery) -> Delivery:
    """The one whose bytes were sent first: deliveries repeat that, never one another."""
    if delivery.redelivery_of is None:
        return delivery
    original = Delivery.objects.filter(id=delivery.redelivery_of).first()
    if original is None:  # pruned, and its bytes with it
        return delivery
    return original
