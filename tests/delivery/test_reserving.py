"""Claims that are handed to a broker first: reserved, and begun by whoever sends."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.delivery.backlog import all_due, only, queued, time_passes
from webhooks.delivery import outbox
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"


def reserve(**options):
    return outbox.claim(**{"limit": 10, "is_begun": False} | options)


def begin(claim, **options):
    return outbox.begin(token=claim.token, ids=claim.ids, **options)


def test_what_is_begun_has_a_lease_that_begins_then():
    queued(URL, 2)
    reserved = reserve(lease=20)

    begun = begin(reserved, lease=300)

    assert set(begun.ids) == set(reserved.ids)
    assert begun.until > reserved.until + 200
    for due_at in Delivery.objects.values_list("due_at", flat=True):
        assert 295 < (due_at - timezone.now()).total_seconds() < 305
    assert len(outbox.load(begun)) == 2


def test_a_message_that_comes_twice_is_begun_once():
    queued(URL)
    reserved = reserve()

    assert len(begin(reserved).ids) == 1
    assert begin(reserved).ids == []


def test_a_message_that_comes_late_begins_nothing():
    queued(URL)
    late = reserve()
    time_passes(timedelta(seconds=outbox.LEASE + 1))
    again = reserve()
    assert again.ids == late.ids

    assert begin(late).ids == []
    assert len(begin(again).ids) == 1


def test_what_a_broker_lost_is_not_held_against_the_delivery():
    queued(URL)
    for _ in range(outbox.MAX_LOST_CLAIMS + 2):
        assert len(reserve().ids) == 1
        all_due()
    assert only().lost_claims == 0

    for _ in range(outbox.MAX_LOST_CLAIMS):
        assert len(begin(reserve()).ids) == 1
        all_due()
    assert reserve().ids == []
    assert (only().state, only().reason) == ("exhausted", outbox.QUARANTINED)


def test_what_was_settled_or_given_back_meanwhile_is_not_begun():
    queued(URL, 2)
    reserved = reserve()
    first, second = reserved.ids
    Delivery.objects.filter(id=first).update(
        state="cancelled", due_at=None, claim_token=None, settled_at=timezone.now()
    )
    outbox.release([job for job in outbox.load(reserved) if job.id == second])

    assert begin(reserved).ids == []
