"""How claimed deliveries stand, for a claimer that has others send them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from webhooks.models import Delivery


@dataclass(frozen=True, slots=True)
class Standing:
    token: UUID | None
    endpoint_id: UUID
    is_begun: bool
    is_leased: bool
    """Whether its lease, or its wait, goes on."""


def standing(ids: Collection[UUID]) -> Mapping[UUID, Standing]:
    """Of the deliveries that are pending; what is missing has ended."""
    rows = (
        Delivery.objects.pending()
        .filter(id__in=ids)
        .annotate(is_leased=Q(due_at__gt=Now()))
        .values_list("id", "claim_token", "endpoint_id", "is_begun", "is_leased")
    )
    return {
        id: Standing(token, endpoint_id, is_begun, is_leased)
        for id, token, endpoint_id, is_begun, is_leased in rows
        if endpoint_id is not None
    }
