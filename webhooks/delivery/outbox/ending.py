"""What ends without another attempt."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from webhooks.delivery import incidents
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


def park(token: UUID, ids: Sequence[UUID], *, reason: str) -> None:
    """End claimed deliveries that are taken for what killed their workers."""
    with transaction.atomic():
        parked = Delivery.objects.filter(id__in=ids, claim_token=token)
        rows = list(parked.annotate(now=Now()).values_list("id", "endpoint_id", "now"))
        parked.update(
            state=Delivery.State.EXHAUSTED,
            claim_token=None,
            is_begun=False,
            due_at=None,
            settled_at=Now(),
            reason=reason,
        )
        pass_on([token], {endpoint_id for _, endpoint_id, _ in rows if endpoint_id})
        incidents.report(
            [
                incidents.Incident(
                    kind=incidents.Kind.EXHAUSTED,
                    endpoint_id=endpoint_id,
                    at=now,
                    deliveries=(id,),
                )
                for id, endpoint_id, now in rows
            ]
        )


def pass_on(tokens: Collection[UUID], endpoints: Collection[UUID]) -> None:
    """Have the endpoints looked at again, for what was claimed was not sent. A probe
    that was not made leaves its place to the next. In the caller's transaction."""
    Endpoint.objects.filter(id__in=sorted(endpoints), probe_token__in=tokens).update(
        probe_token=None, open_until=Now()
    )
    engine().wake(endpoints)
