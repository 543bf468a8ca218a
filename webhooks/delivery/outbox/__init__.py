"""The queue, which is the table of deliveries: all that is done to claims.

A claim writes a token and pushes `due_at` to the end of its lease. Every later statement
about a claimed row names the token, so an owner whose lease ran out changes nothing. All
times are the database's own: the hosts that share it need not agree on the clock.

A claim goes from endpoint to endpoint, never down one long line: `Endpoint.next_due_at`
says which of them to look at, and may be too early but never too late.

Each function is one short transaction unless it says otherwise, and none is held while
something is sent.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import cast
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from webhooks.delivery.endpoint_notifications import Notify
from webhooks.delivery.job import Claim, Job
from webhooks.models import Delivery, Endpoint, bulk

from .ending import cancel, cancel_disabled, quarantine, release_endpoints
from .engines import engine
from .loading import load
from .moving import requeue, send_now
from .settling import DELETED, Settled, settle
from .standing import standing

__all__ = [
    "DELETED",
    "LEASE",
    "MAX_LOST_CLAIMS",
    "QUARANTINED",
    "Settled",
    "begin",
    "cancel",
    "cancel_disabled",
    "claim",
    "enqueue",
    "is_idle",
    "load",
    "put_idle_endpoints_to_sleep",
    "reconcile",
    "release",
    "requeue",
    "send_now",
    "settle",
    "standing",
    "wake",
]

LEASE = 90.0
"""Seconds. Longer than a job waits for a free slot and the longest timeout together."""

MAX_LOST_CLAIMS = 10
"""So many workers in a row died while they held the delivery: it may be what killed them.
The limit is high because a host that kills its workers again and again must not end
deliveries that were merely there: of 15,000 under forty kills, a limit of five ended six
(docs/soak.md)."""

SAME_TIME = timedelta(seconds=0.25)
"""Clocks that differ by less agree: asking takes time too."""

QUARANTINED = f"Quarantined: its last {MAX_LOST_CLAIMS} claims ended with the death of the worker."


def enqueue(deliveries: Sequence[Delivery]) -> None:
    """Write new deliveries and have those that are pending claimed; in the caller's
    transaction. What was never to be sent is written here too, like the rest.

    `due_at` is given by this host's clock and written by the database's, which all
    claims go by: a host that is ahead must not put off what it publishes.
    """
    pending = [d for d in deliveries if d.state == Delivery.State.PENDING]
    if pending and (ahead := _ahead()):
        for delivery in pending:
            if delivery.due_at is not None:
                delivery.due_at -= ahead
    bulk.insert(deliveries)
    wake({delivery.endpoint_id for delivery in pending})


def _ahead() -> timedelta:
    """How far this host's clock is ahead of the database's; one that is behind delays
    nothing."""
    if connection.vendor != "postgresql":
        return timedelta(0)  # a file is on the host of whoever opens it
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()
    ahead = datetime.now(UTC) - cast(datetime, theirs)
    return ahead if ahead > SAME_TIME else timedelta(0)


def wake(endpoints: Collection[UUID | None]) -> None:
    """Have claims look at these endpoints now.

    To be called in the transaction that made rows of theirs due, after they were written:
    in this order nothing is missed.
    """
    if ids := [id for id in endpoints if id is not None]:
        engine().wake(ids)


def claim(
    *,
    limit: int,
    most: int | None = None,
    full: Collection[UUID] = (),
    lease: float = LEASE,
    is_begun: bool = True,
    notify: Notify | None = None,
) -> Claim:
    """Take up to `limit` due deliveries for `lease` seconds, and of one endpoint no more
    than `most` and than its own limits allow. Nothing is taken for endpoints in `full`.

    With `is_begun` False they are only reserved: a lease that runs out before `begin` is
    not held against the delivery. Any number of processes may claim at once; on PostgreSQL
    none waits for another.

    A delivery that has lost too many claims is quarantined, which `notify` is told of.
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
    if poisonous := [id for id, lost in claimed.rows if lost >= MAX_LOST_CLAIMS]:
        quarantine(token, poisonous, reason=QUARANTINED, notify=notify)
    return Claim(
        token=token,
        ids=[id for id, lost in claimed.rows if lost < MAX_LOST_CLAIMS],
        until=until,
        has_more=claimed.has_more,
    )


def begin(*, token: UUID, ids: Collection[UUID], lease: float = LEASE) -> Claim:
    """Take in hand what a claim reserved, with a lease that begins now.

    The claim has those that are still the token's; what was reserved anew is not.
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
        # Each token with its own rows: a worker that was frozen may hold a row twice,
        # and be sending what it claimed anew.
        count = sum(
            Delivery.objects.pending()
            .filter(id__in=own, claim_token=token)
            .update(claim_token=None, is_begun=False, due_at=Now())
            for token, own in ids.items()
        )
        release_endpoints(ids.keys(), {job.endpoint_id for job in jobs})
    return count


def put_idle_endpoints_to_sleep() -> None:
    """Have claims look at idle endpoints again only when they have something to send.

    Without it claims would look at every endpoint that ever had something.
    """
    engine().put_idle_endpoints_to_sleep()


def reconcile() -> None:
    """Find what waits at endpoints that are not looked at.

    Nothing should: this is the poll beneath the wake-ups, for rows that somebody changed
    by hand, and for those that are older than `next_due_at` itself.
    """
    engine().reconcile()


def is_idle() -> bool:
    """Whether nothing can be sent now and nothing is claimed.

    What waits for a later retry, or for a breaker, is idle; what waits for its turn under
    a rate limit is not. A dead worker's claims count until their leases run out.
    """
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
