"""What ends without another attempt."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from webhooks.delivery.endpoint_notifications import (
    EndpointNotification,
    Kind,
    Notify,
)
from webhooks.models import Delivery, Endpoint

from .engines import engine


def cancel(which: Q, *, reason: str, now: datetime) -> int:
    """End the deliveries of `which` that wait; returns how many. In the caller's
    transaction.

    What is being sent is left to its worker; what a broker holds has not begun.
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
    """End what waits for endpoints that were disabled, at most `limit`; how many."""
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


def quarantine(
    token: UUID, ids: Sequence[UUID], *, reason: str, notify: Notify | None
) -> None:
    """End claimed deliveries that may have killed their workers."""
    with transaction.atomic():
        ours = Delivery.objects.filter(id__in=ids, claim_token=token)
        rows = list(ours.annotate(now=Now()).values_list("id", "endpoint_id", "now"))
        ours.update(
            state=Delivery.State.EXHAUSTED,
            claim_token=None,
            is_begun=False,
            due_at=None,
            settled_at=Now(),
            reason=reason,
        )
        release_endpoints(
            [token], {endpoint_id for _, endpoint_id, _ in rows if endpoint_id}
        )
        if notify and rows:
            notify(
                [
                    EndpointNotification(
                        kind=Kind.EXHAUSTED,
                        endpoint_id=endpoint_id,
                        at=now,
                        deliveries=(id,),
                    )
                    for id, endpoint_id, now in rows
                ]
            )


def release_endpoints(tokens: Collection[UUID], endpoints: Collection[UUID]) -> None:
    """Have the endpoints of a claim looked at again, because it was not sent. Clear an
    unused probe so that another may be sent. In the caller's transaction."""
    Endpoint.objects.filter(id__in=sorted(endpoints), probe_token__in=tokens).update(
        probe_token=None, open_until=Now()
    )
    engine().wake(endpoints)
