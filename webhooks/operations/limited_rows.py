"""The rows of a partner that its limits count; see limits. `partner` is an id, or a reference to it
from a statement around theirs."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from webhooks.models import (
    ApiKey,
    AuditEntry,
    Delivery,
    Endpoint,
    Recovery,
    SigningSecret,
    Subscription,
)

HOUR = timedelta(hours=1)

CHANGES_MADE = (
    "subscription.created",
    "subscription.updated",
    "secret.rotated",
    "key.issued",
    "recovery.started",
)
"""What keys do that leaves rows for ever, by its audit entries. Deleting and revoking end with
what was made; tests and redeliveries have a rate of their own."""


def subscriptions(partner: Any) -> QuerySet[Any]:
    return Subscription.objects.live().filter(partner=partner)


def urls(partner: Any) -> QuerySet[Any]:
    return Endpoint.objects.live().filter(
        subscription__partner=partner, subscription__deleted_at=None
    )


def secrets(partner: Any) -> QuerySet[Any]:
    return SigningSecret.objects.live(timezone.now()).filter(
        subscription__partner=partner, subscription__deleted_at=None
    )


def keys(partner: Any) -> QuerySet[Any]:
    # One that was replaced is a key of the chain that it is in: see KEY_CHAIN.
    usable = ApiKey.objects.usable_at(timezone.now())
    return usable.filter(partner=partner, replaced_by=None)


def recoveries(partner: Any) -> QuerySet[Any]:
    return Recovery.objects.filter(partner=partner, state=Recovery.State.RUNNING)


def sent_again(partner: Any) -> QuerySet[Any]:
    return Delivery.objects.pending().filter(
        partner=partner, redelivery_of__isnull=False, recovery=None
    )


def changes(partner: Any) -> QuerySet[Any]:
    return AuditEntry.objects.filter(
        partner_id=partner,
        at__gt=timezone.now() - HOUR,
        actor_kind=AuditEntry.ActorKind.KEY,
        action__in=CHANGES_MADE,
    )
