"""A delivery that kills every worker that takes it, and those that wait beside it."""

from datetime import timedelta

import pytest
from django.db.models import Min
from django.utils import timezone

from tests.delivery.backlog import queued, time_passes
from tests.delivery.settlements import result
from webhooks.delivery import outbox
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"


def next_is_due():
    """The clock goes on to the next lease that runs out."""
    first = Delivery.objects.pending().aggregate(first=Min("due_at"))["first"]
    time_passes(max(first - timezone.now(), timedelta(0)) + timedelta(seconds=0.05))


def test_it_is_quarantined_and_its_neighbours_are_delivered():
    poison, *neighbours = queued(URL, 10)
    deaths = 0

    while Delivery.objects.pending().exists():
        claim = outbox.claim(limit=100)
        if poison.id in claim.ids:
            deaths += 1  # with all that it had in hand
        elif jobs := outbox.load(claim):
            outbox.settle([result(job) for job in jobs])
        next_is_due() if Delivery.objects.pending().exists() else None

    assert deaths == outbox.MAX_LOST_CLAIMS
    poison.refresh_from_db()
    assert (poison.state, poison.reason) == ("exhausted", outbox.QUARANTINED)
    others = Delivery.objects.exclude(id=poison.id)
    assert set(others.values_list("state", flat=True)) == {"delivered"}
    assert others.count() == len(neighbours)
