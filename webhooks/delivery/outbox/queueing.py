"""Puts deliveries into the queue, and wakes the endpoints that a claim looks at."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from webhooks.models import Delivery, Endpoint, PendingFanout, Subscription, bulk

from . import clocks
from .engine import engine


def enqueue(deliveries: Sequence[Delivery]) -> None:
    """Write new deliveries and have the pending ones claimed. Deliveries that are never
    sent are written here too. In the caller's transaction.

    The caller sets `due_at` by this host's clock. It is moved to the database's clock, by
    which deliveries are claimed: a host whose clock is ahead must not delay what it
    publishes.
    """
    pending = [d for d in deliveries if d.state == Delivery.State.PENDING]
    if pending and (ahead := _ahead()):
        for delivery in pending:
            if delivery.due_at is not None:
                delivery.due_at -= ahead
    bulk.insert(deliveries)
    wake({delivery.endpoint_id for delivery in pending})


def _ahead() -> timedelta:
    if connection.vendor != "postgresql":
        return timedelta(0)  # a file is on this host, so its clock is this one
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()
    return clocks.ahead_of(theirs)


def requeue(subscription: Subscription, *, lane: Delivery.Lane) -> None:
    """Move the pending deliveries of a subscription to `lane`. In the caller's
    transaction."""
    pending = Delivery.objects.pending().filter(endpoint__subscription=subscription)
    pending.exclude(lane=lane).update(lane=lane)
    engine().wake(set(pending.values_list("endpoint_id", flat=True)))


def send_now(id: UUID) -> None:
    """Make a delivery that waits for its next attempt due now. In the caller's
    transaction."""
    waiting = Delivery.objects.pending().filter(id=id, claim_token=None)
    waiting.filter(due_at__gt=Now()).update(due_at=Now())
    engine().wake(set(waiting.values_list("endpoint_id", flat=True)))


def wake(endpoints: Collection[UUID | None]) -> None:
    """Have claims look at these endpoints now.

    Call it in the transaction that made their deliveries due, after they were written: in
    this order none is missed.
    """
    if ids := [id for id in endpoints if id is not None]:
        engine().wake(ids)


def wake_workers() -> None:
    """Have workers look for new work when the caller's transaction is committed, where no
    endpoint is woken: for a fan-out that is left to them."""
    engine().notify()


def put_idle_endpoints_to_sleep() -> None:
    """Have claims look at idle endpoints again only when they have something to send.

    Without it claims would look at every endpoint that ever had something.
    """
    engine().put_idle_endpoints_to_sleep()


def reconcile() -> None:
    """Wake endpoints that sleep although a delivery of theirs is due.

    There should be none. It is the safety net beneath `wake`, for rows that were
    changed by hand, and for rows that are older than `next_due_at` itself.
    """
    engine().reconcile()


def is_idle() -> bool:
    """Whether nothing can be sent now, nothing is claimed, and no event waits for its
    deliveries to be written.

    A queue is idle if all that waits is waiting for a later retry, or for a breaker; it is
    not if something waits for its turn under a rate limit. A dead worker's claims count
    until their leases run out.
    """
    if PendingFanout.objects.due().exists():
        return False
    put_idle_endpoints_to_sleep()
    awake = Endpoint.objects.filter(disabled_at=None).filter(
        Q(next_due_at__lte=Now() + timedelta(milliseconds=1))
        | Q(next_due_at__lte=F("paced_until"))
    )
    if awake.exists():
        return False
    claimed = Delivery.objects.pending().filter(
        endpoint=OuterRef("id"), claim_token__isnull=False
    )
    queued = Endpoint.objects.filter(next_due_at__isnull=False)
    return not queued.filter(Exists(claimed)).exists()
