"""The queue, which is the table of deliveries: everything that is done to claims.

A claim writes a token and pushes `due_at` to the end of its lease. Every later statement
about a claimed delivery names the token, so an owner whose lease ran out changes nothing.
All times are the database's own: the hosts that share it need not agree on the clock.

A claim goes from endpoint to endpoint and never searches all deliveries.
`Endpoint.next_due_at` says which endpoints to look at; it may be too early, never too late.

Each function is one short transaction unless it says otherwise, and none is open while
something is sent.
"""

from .cancelling import cancel, cancel_disabled
from .claiming import (
    QUARANTINED,
    ClaimStatus,
    begin,
    claim,
    claim_statuses,
    release,
)
from .limits import LEASE, MAX_LOST_CLAIMS
from .loading import load
from .new import NewDelivery, Recipient
from .publishing import write
from .queueing import (
    enqueue,
    is_idle,
    put_idle_endpoints_to_sleep,
    reconcile,
    requeue,
    send_now,
    wake,
    wake_workers,
)
from .settling import DELETED, Settled, settle

__all__ = [
    "DELETED",
    "LEASE",
    "MAX_LOST_CLAIMS",
    "QUARANTINED",
    "ClaimStatus",
    "NewDelivery",
    "Recipient",
    "Settled",
    "begin",
    "cancel",
    "cancel_disabled",
    "claim",
    "claim_statuses",
    "enqueue",
    "is_idle",
    "load",
    "put_idle_endpoints_to_sleep",
    "reconcile",
    "release",
    "requeue",
    "send_now",
    "settle",
    "wake",
    "wake_workers",
    "write",
]
