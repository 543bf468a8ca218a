"""At one endpoint what is new goes first, and late retries and replays still move."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.delivery.backlog import only, queued
from tests.delivery.settlements import claimed, retry
from webhooks.delivery import outbox
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"
FRESH, LATE, RECOVERY, ORDERED = Delivery.Lane


def waiting(count):
    """So many in each lane; the later the lane, the longer they have waited."""
    deliveries = queued(URL, 3 * count)
    for lane in (FRESH, LATE, RECOVERY):
        ids = [d.id for d in deliveries[lane * count : (lane + 1) * count]]
        Delivery.objects.filter(id__in=ids).update(
            lane=lane, due_at=timezone.now() - timedelta(hours=lane)
        )


def lanes(claim):
    found = Delivery.objects.filter(id__in=claim.ids)
    return Counter(found.values_list("lane", flat=True))


def test_a_claim_takes_sixteen_new_ones_for_four_late_retries_and_one_replay():
    waiting(100)
    # The turns of the lanes end together at 32 new ones.
    assert lanes(outbox.claim(limit=42)) == {FRESH: 32, LATE: 8, RECOVERY: 2}
    assert lanes(outbox.claim(limit=42)) == {FRESH: 32, LATE: 8, RECOVERY: 2}


def test_a_lane_that_is_empty_leaves_its_turns_to_the_others():
    waiting(20)
    Delivery.objects.filter(lane=FRESH).update(
        due_at=timezone.now() + timedelta(hours=1)
    )

    assert lanes(outbox.claim(limit=25)) == {LATE: 20, RECOVERY: 5}


def test_a_second_failure_makes_a_late_retry():
    queued(URL)
    for lane in (FRESH, LATE, LATE):
        outbox.settle([retry(job, timedelta(0)) for job in claimed()])
        assert only().lane == lane


@pytest.mark.parametrize("lane", [RECOVERY, ORDERED])
def test_a_failure_leaves_replays_and_what_is_in_order_in_their_lane(lane):
    queued(URL)
    Delivery.objects.update(lane=lane, attempts=3)

    outbox.settle([retry(job) for job in claimed()])

    assert only().lane == lane
