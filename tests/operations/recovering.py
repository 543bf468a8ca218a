"""Recoveries, asked for and run, for their tests."""

from datetime import timedelta

from django.utils import timezone

from webhooks.models import Delivery
from webhooks.operations import (
    recoveries,
)
from webhooks.operations import subscriptions as subscriptions_of
from webhooks.operations.audit import SYSTEM
from webhooks.operations.recoveries import Filter, Outcome

DAY = timedelta(days=1)
STATES = ["exhausted", "cancelled", "delivered"]


def wanting(*outcomes, **fields):
    fields.setdefault("since", timezone.now() - DAY)
    return Filter(outcomes=[Outcome(o) for o in outcomes or ("exhausted",)], **fields)


def preview(partner, *outcomes, **fields):
    asked = wanting(*outcomes, **fields)
    return recoveries.preview(partner=partner, filter=asked).by_outcome


def start(partner, *outcomes, by=SYSTEM, rerender=False, **fields):
    return recoveries.start(
        by=by,
        partner=partner,
        filter=wanting(*outcomes, **fields),
        rerender=rerender,
    )


def advance():
    return recoveries.advance()


def run(recovery):
    """Queue all of it, everything that is queued arriving meanwhile."""
    for _ in range(1000):
        advance()
        queued = Delivery.objects.pending().filter(recovery=recovery)
        queued.update(state="delivered", due_at=None, settled_at=timezone.now())
        recovery.refresh_from_db()
        if recovery.state != "running":
            return recovery
    raise AssertionError("it never ends")


def change(subscription, **fields):
    subscriptions_of.update(by=SYSTEM, subscription=subscription, change=fields)
