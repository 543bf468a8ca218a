"""The unhealthy endpoints of partners: found, and counted."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from webhooks.models import Endpoint

FAILING, DISABLED, NONE = "failing", "disabled", "none"

_DISABLED = Q(disabled_at__isnull=False)
_FAILING = Q(failing_since__isnull=False, disabled_at=None)


@dataclass(frozen=True)
class Unhealthy:
    """How many of a partner's endpoints."""

    failing: int = 0
    disabled: int = 0


def unhealthy() -> Any:
    """Of subscriptions that are not deleted."""
    return Endpoint.objects.unhealthy().filter(subscription__deleted_at=None)


def of_partners(health: str) -> Q:
    """Partners with an endpoint that is failing, or disabled, or with neither."""
    found = unhealthy().order_by().filter(subscription__partner=OuterRef("id"))
    match health:
        case "failing":
            return Q(Exists(found.filter(_FAILING)))
        case "disabled":
            return Q(Exists(found.filter(_DISABLED)))
        case _:
            return ~Q(Exists(found))


def counts(partners: Collection[UUID]) -> dict[UUID, Unhealthy]:
    """By the partner's id, of those that have any; one statement."""
    rows = unhealthy().filter(subscription__partner__in=partners).order_by()
    counted = rows.values_list("subscription__partner").annotate(
        failing=Count("id", filter=_FAILING), disabled=Count("id", filter=_DISABLED)
    )
    return {id: Unhealthy(failing, disabled) for id, failing, disabled in counted}
