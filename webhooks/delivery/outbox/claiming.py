"""Claiming deliveries, and giving claimed ones back unsent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from webhooks.delivery.endpoint_notifications import (
    EndpointNotification,
    Kind,
    Notify,
)
from webhooks.delivery.job import Claim, Job
from webhooks.models import Delivery, Endpoint

from .engine import engine
from .limits import LEASE, MAX_LOST_CLAIMS

QUARANTINED = f"Quarantined: its last {MAX_LOST_CLAIMS} claims ended with the death of the worker."


def claim(
    *,
    limit: int,
    most: int | None = None,
    full: Collection[UUID] = (),
    lease: float = LEASE,
    is_begun: bool = True,
    notify: Notify | None = None,
) -> Claim:
    """Take up to `limit` due deliveries for `lease` seconds: of one endpoint no more than
    `most`, and no more than its own limits allow. Of endpoints in `full` none is taken.

    With `is_begun` False they are only reserved: a lease that runs out before `begin` is
    not held against the delivery. Any number of processes may claim at once; on PostgreSQL
    none waits for another.

    A delivery that has lost too many claims is quarantined, and `notify` is called.
    """
    token = uuid4()
    until = monotonic() + lease
    claimed = engine().claim(
        token=token,
        limit=limit,
        most=most or limit,
        full=full,
        lease=lease,
        is_begun=is_begun,
    )
    ids, loaded = [id for id, _ in claimed.rows], claimed.loaded
    if poisonous := {id for id, lost in claimed.rows if lost >= MAX_LOST_CLAIMS}:
        _quarantine(token, poisonous, notify)
        ids = [id for id in ids if id not in poisonous]
        if loaded is not None:
            loaded = [row for row in loaded if row[0] not in poisonous]
    return Claim(
        token=token,
        ids=ids,
        until=until,
        has_more=claimed.has_more,
        loaded=loaded,
    )


def _quarantine(token: UUID, ids: Collection[UUID], notify: Notify | None) -> None:
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
            reason=QUARANTINED,
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


def begin(*, token: UUID, ids: Collection[UUID], lease: float = LEASE) -> Claim:
    """Take in hand what a claim reserved, with a lease that begins now.

    The returned claim has those that still carry the token; others have been reserved
    again meanwhile.
    """
    until = monotonic() + lease
    mine = Delivery.objects.pending().filter(id__in=ids, claim_token=token)
    with transaction.atomic():
        begun = list(
            mine.select_for_update(of=("self",), no_key=True)
            .filter(is_begun=False)
            .values_list("id", flat=True)
        )
        Delivery.objects.filter(id__in=begun).update(
            is_begun=True, due_at=Now() + timedelta(seconds=lease)
        )
    return Claim(token=token, ids=begun, until=until)


def release(jobs: Sequence[Job]) -> int:
    """Give claimed deliveries back unsent: due now, for anybody; returns how many."""
    ids: dict[UUID, list[UUID]] = {}
    for job in jobs:
        ids.setdefault(job.token, []).append(job.id)
    with transaction.atomic():
        # Each token with its own deliveries: a worker that was frozen may hold one twice,
        # and be sending the one that it claimed again.
        count = sum(
            Delivery.objects.pending()
            .filter(id__in=own, claim_token=token)
            .update(claim_token=None, is_begun=False, due_at=Now())
            for token, own in ids.items()
        )
        release_endpoints(ids.keys(), {job.endpoint_id for job in jobs})
    return count


def release_endpoints(tokens: Collection[UUID], endpoints: Collection[UUID]) -> None:
    """Have the endpoints looked at again, because what was claimed was not sent. Clear an
    unused probe so that another may be sent. In the caller's transaction."""
    Endpoint.objects.filter(id__in=sorted(endpoints), probe_token__in=tokens).update(
        probe_token=None, open_until=Now()
    )
    engine().wake(endpoints)


@dataclass(frozen=True, slots=True)
class ClaimStatus:
    """The progress of a pending delivery, for a claimer that has others send it."""

    token: UUID | None
    endpoint_id: UUID
    is_begun: bool
    is_leased: bool
    """Whether its lease, or its wait for a retry, still lasts."""


def claim_statuses(ids: Collection[UUID]) -> Mapping[UUID, ClaimStatus]:
    """Of those deliveries that are pending; those missing have ended."""
    rows = (
        Delivery.objects.pending()
        .filter(id__in=ids)
        .annotate(is_leased=Q(due_at__gt=Now()))
        .values_list("id", "claim_token", "endpoint_id", "is_begun", "is_leased")
    )
    return {
        id: ClaimStatus(token, endpoint_id, is_begun, is_leased)
        for id, token, endpoint_id, is_begun, is_leased in rows
        if endpoint_id is not None
    }
