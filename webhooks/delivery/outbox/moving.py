"""What waits, put elsewhere in the queue."""

from uuid import UUID

from django.db.models.functions import Now

from webhooks.models import Delivery, Subscription

from .engines import engine


def requeue(subscription: Subscription, *, lane: Delivery.Lane) -> None:
    """Have what waits for a subscription go in `lane`; in the caller's transaction."""
    pending = Delivery.objects.pending().filter(endpoint__subscription=subscription)
    pending.exclude(lane=lane).update(lane=lane)
    engine().wake(set(pending.values_list("endpoint_id", flat=True)))


def send_now(id: UUID) -> None:
    """Have a delivery that waits due now; in the caller's transaction."""
    waiting = Delivery.objects.pending().filter(id=id, claim_token=None)
    waiting.filter(due_at__gt=Now()).update(due_at=Now())
    engine().wake(set(waiting.values_list("endpoint_id", flat=True)))
