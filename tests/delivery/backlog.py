"""Deliveries for tests of the queue, and its clock."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from tests import factories
from webhooks.delivery import outbox, standard
from webhooks.management.commands.deliver import make_worker
from webhooks.models import Attempt, Delivery, Endpoint, Subscription
from webhooks.operations import events
from webhooks.operations.audit import SYSTEM

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def subscription(*urls: str, **fields: Any) -> Subscription:
    fields.setdefault("profile", standard.NAME)
    fields.setdefault("secrets", [SECRET])
    partner = fields.pop("partner", None) or factories.partner()
    return factories.subscription(partner, "portal", urls=urls, **fields)


def publish(to: Subscription, count: int = 1, **fields: Any) -> list[Delivery]:
    """`count` events to the subscription's partner; the deliveries of all of them."""
    fields.setdefault("type", "order.created")
    fields.setdefault("data", {"id": "ord_1"})
    new = events.NewEvent(partner=to.partner, **fields)
    made = events.publish_batch(by=SYSTEM, events=[new] * count)
    assert all(isinstance(one, events.Published) for one in made), made
    ids = [one.event.id for one in made]  # type: ignore[union-attr]
    return list(Delivery.objects.filter(event_id__in=ids).order_by("id"))


def queued(url: str, count: int = 1) -> list[Delivery]:
    return publish(subscription(url), count)


def time_passes(by: timedelta) -> None:
    """For the queue, whose clock is the database's: what waits is due that much sooner."""
    Delivery.objects.pending().update(due_at=F("due_at") - by)
    Endpoint.objects.update(
        open_until=F("open_until") - by,
        next_due_at=F("next_due_at") - by,
        failing_since=F("failing_since") - by,
    )
    outbox.reconcile()


def all_due() -> None:
    """Every wait, every lease and every breaker's pause is over."""
    Delivery.objects.pending().update(due_at=timezone.now() - timedelta(seconds=1))
    Endpoint.objects.filter(open_until__isnull=False).update(
        open_until=timezone.now() - timedelta(seconds=1), next_due_at=None
    )
    outbox.reconcile()


def deliver(**options: Any) -> None:
    """Run a worker in this process until nothing is due or under way."""
    options = {"concurrency": 8, "until_idle": True} | options

    async def run() -> None:
        await make_worker(**options).run()

    asyncio.run(run())


@contextmanager
def setting(
    moment: Callable[[], datetime | None], least: float, most: float | None = None
) -> Iterator[None]:
    """What is done within sets a moment so many seconds later, however long it takes."""
    began = timezone.now() - timedelta(milliseconds=2)  # SQLite keeps milliseconds
    yield
    found = moment()
    assert found is not None
    assert began + timedelta(seconds=least) <= found
    assert found <= timezone.now() + timedelta(seconds=least if most is None else most)


def deliver_until_it_waits(least: float, most: float) -> None:
    """Deliver; what was sent is due again after so many seconds."""
    with setting(lambda: only().due_at, least, most):
        deliver()


def only() -> Delivery:
    return Delivery.objects.get()


def attempts(delivery: UUID | None = None) -> list[Attempt]:
    found = Attempt.objects.order_by("number")
    return list(found.filter(delivery=delivery) if delivery else found)
