"""Ending deliveries without another attempt."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from webhooks.models import Delivery, Endpoint


def cancel(which: Q, *, reason: str, now: datetime) -> int:
    """Cancel the pending deliveries among `which`; returns how many. In the caller's
    transaction.

    A delivery that is being sent is left to its worker. One that waits in a broker is not
    being sent yet.
    """
    return (
        Delivery.objects.pending()
        .filter(Q(claim_token=None) | Q(is_begun=False), which)
        .update(
            state=Delivery.State.CANCELLED,
            claim_token=None,
            reason=reason,
            due_at=None,
            settled_at=now,
        )
    )


def cancel_disabled(*, limit: int = 1000) -> int:
    """Cancel what waits for disabled endpoints, at most `limit`; returns how many."""
    disabled = Endpoint.objects.filter(
        disabled_at__isnull=False, next_due_at__isnull=False
    )
    ended = 0
    for endpoint in disabled.order_by("id")[:limit]:
        pending = Delivery.objects.pending().filter(endpoint=endpoint)
        with transaction.atomic():
            waiting = pending.filter(Q(claim_token=None) | Q(due_at__lte=Now()))
            ids = list(
                waiting.select_for_update(
                    of=("self",), no_key=True, skip_locked=True
                ).values_list("id", flat=True)[: limit - ended]
            )
            Delivery.objects.filter(id__in=ids).update(
                state=Delivery.State.CANCELLED,
                claim_token=None,
                is_begun=False,
                reason=endpoint.disabled_reason,
                due_at=None,
                settled_at=Now(),
            )
            ended += len(ids)
            if not pending.exists():
                Endpoint.objects.filter(id=endpoint.id).update(next_due_at=None)
        if ended >= limit:
            break
    return ended
