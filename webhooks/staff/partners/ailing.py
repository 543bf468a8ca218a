"""Which partners have endpoints that are not well, and how many."""

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
class Ailing:
    """How many of a partner's endpoints."""

    failing: int = 0
    disabled: int = 0


def endpoints() -> Any:
    """Those that belong to a subscription still, and are failing or disabled."""
    live = Endpoint.objects.filter(removed_at=None, subscription__deleted_at=None)
    return live.filter(_DISABLED | _FAILING)


def partners(wanted: str) -> Q:
    """Partners with an endpoint that is failing, or disabled, or with neither."""
    found = endpoints().filter(subscription__partner=OuterRef("id"))
    match wanted:
        case "failing":
            return Q(Exists(found.filter(_FAILING)))
        case "disabled":
            return Q(Exists(found.filter(_DISABLED)))
        case _:
            return ~Q(Exists(found))


def counts(partners: Collection[UUID]) -> dict[UUID, Ailing]:
    """By the partner's id, of those that have any; one statement."""
    rows = endpoints().filter(subscription__partner__in=partners).order_by()
    counted = rows.values_list("subscription__partner").annotate(
        failing=Count("id", filter=_FAILING), disabled=Count("id", filter=_DISABLED)
    )
    return {id: Ailing(failing, disabled) for id, failing, disabled in counted}
