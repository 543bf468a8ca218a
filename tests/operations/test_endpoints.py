"""Limits, order, and endpoints that are called again."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests import factories
from tests.operations.outcomes import URL, hook, publish
from webhooks.models import AuditEntry, Delivery, Endpoint, Subscription
from webhooks.operations import endpoints, subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
A, B = URL + "/a", URL + "/b"


@pytest.fixture
def partner():
    return factories.partner()


def change(subscription, **fields):
    return subscriptions.update(by=SYSTEM, subscription=subscription, change=fields)


@pytest.mark.parametrize(
    ("field", "most"), [("max_in_flight", 1000), ("rate_per_minute", 60_000)]
)
def test_it_bounds_the_limits(partner, field, most):
    made = hook(partner)
    for value in (0, -1, most + 1):
        with pytest.raises(endpoints.LimitOutOfRange) as caught:
            change(made, **{field: value})
        assert (caught.value.field, caught.value.most) == (field, most)
        with pytest.raises(endpoints.LimitOutOfRange):
            hook(partner, **{field: value})
    for value in (1, most, None):
        change(made, **{field: value})
        assert getattr(Subscription.objects.get(), field) == value
    assert getattr(hook(partner, **{field: 7}), field) == 7


def test_it_records_limits_and_order(partner):
    change(hook(partner), max_in_flight=2, rate_per_minute=30, is_ordered=True)
    entry = AuditEntry.objects.get(action="subscription.updated")
    assert entry.before == {
        "max_in_flight": None,
        "rate_per_minute": None,
        "is_ordered": False,
    }
    assert entry.after == {
        "max_in_flight": 2,
        "rate_per_minute": 30,
        "is_ordered": True,
    }


def test_what_waits_changes_lanes_with_the_order(partner):
    made, other = hook(partner), hook(partner, B)
    for _ in range(2):
        publish(partner)
    mine = Delivery.objects.filter(subscription=made)
    late = mine.first()
    Delivery.objects.filter(id=late.id).update(lane=Delivery.Lane.LATE)
    ended = Delivery.objects.filter(id=mine.last().id)
    ended.update(state="delivered", due_at=None, settled_at=NOW)
    Endpoint.objects.update(next_due_at=None)

    change(made, is_ordered=True)
    assert mine.get(id=late.id).lane == Delivery.Lane.ORDERED
    assert ended.get().lane == Delivery.Lane.FRESH
    assert {d.lane for d in other.deliveries.all()} == {Delivery.Lane.FRESH}
    woken = Endpoint.objects.filter(next_due_at__isnull=False)
    assert [e.subscription_id for e in woken] == [made.id]

    change(made, name="Renamed")
    assert mine.get(id=late.id).lane == Delivery.Lane.ORDERED
    change(made, is_ordered=False)
    assert mine.get(id=late.id).lane == Delivery.Lane.FRESH


HEALTHY = {
    "disabled_at": None,
    "disabled_reason": "",
    "consecutive_failures": 0,
    "failing_since": None,
    "trips": 0,
    "open_until": None,
    "probe_token": None,
}
FAILING = {
    "consecutive_failures": 9,
    "failing_since": NOW - timedelta(days=5),
    "trips": 4,
    "open_until": NOW + timedelta(hours=1),
    "probe_token": uuid4(),
}
DISABLED = {"disabled_at": NOW, "disabled_reason": "It failed for 5 days."}


def health(url):
    return Endpoint.objects.values(*HEALTHY).get(url=url, removed_at=None)


@pytest.mark.parametrize(
    ("fields", "is_revived"),
    [
        ({"urls": [A, B]}, True),
        ({"is_active": True}, True),
        ({"is_active": False}, False),
        ({"name": "Two"}, False),
    ],
)
def test_who_is_enabled_starts_in_health(partner, fields, is_revived):
    made = hook(partner, A, B)
    kept = set(Endpoint.objects.values_list("id", flat=True))
    Endpoint.objects.update(**FAILING, **DISABLED)
    Subscription.objects.update(**DISABLED)
    change(made, **fields)
    assert set(Endpoint.objects.values_list("id", flat=True)) == kept
    for url in (A, B):
        assert health(url) == (HEALTHY if is_revived else FAILING | DISABLED)


def test_only_what_was_given_up_starts_anew_where_the_subscription_was_not(partner):
    made = hook(partner, A, B)
    Endpoint.objects.update(**FAILING)
    Endpoint.objects.filter(url=B).update(**DISABLED)
    change(made, urls=[A, B])
    assert health(A) == {**HEALTHY, **FAILING}
    assert health(B) == HEALTHY
    assert Endpoint.objects.get(url=B).next_due_at is not None
