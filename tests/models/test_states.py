"""What a row reads as, and which rows a filter finds by it: one rule, read in two ways."""

from datetime import timedelta
from itertools import product
from uuid import uuid4

import pytest
import time_machine
from django.db.models import Prefetch
from django.utils import timezone

from tests import factories
from tests.operations.outcomes import hook, publish
from webhooks.models import ApiKey, Delivery, Endpoint, Partner, Subscription

pytestmark = pytest.mark.django_db
URL = "https://receiver.example.com/hook"


@pytest.fixture(autouse=True)
def _stopped_clock():
    with time_machine.travel(timezone.now(), tick=False):
        yield


def endpoints(now):
    """The fields of an endpoint in every combination that its constraints admit."""
    past, future = now - timedelta(minutes=1), now + timedelta(minutes=1)
    return [
        {
            "failing_since": failing_since,
            "consecutive_failures": 1 if failing_since else 0,
            "open_until": open_until,
            "disabled_at": disabled_at,
            "disabled_reason": "Gone." if disabled_at else "",
            "first_called_at": first_called_at,
            "removed_at": removed_at,
        }
        for failing_since, open_until, disabled_at, first_called_at, removed_at in (
            product(
                (None, past),
                (None, past, now, future),
                (None, past),
                (None, past),
                (None, past),
            )
        )
    ]


def subscriptions(now):
    return [
        {
            "is_active": is_active,
            "disabled_at": disabled_at,
            "disabled_reason": "Gone." if disabled_at else "",
            "deleted_at": deleted_at,
        }
        for is_active, disabled_at, deleted_at in product(
            (True, False), (None, now), (None, now)
        )
    ]


def agree(rows, choices, found_by, read):
    """Each row is found by what it reads as, and by nothing else."""
    rows = list(rows)
    for choice in choices:
        expected = {row.pk for row in rows if read(row) == choice}
        assert expected, f"no row reads as {choice}"
        assert set(found_by(choice).values_list("pk", flat=True)) == expected, choice
    assert {read(row) for row in rows} <= set(choices)


def test_an_endpoint_is_found_by_the_health_that_it_shows():
    now = timezone.now()
    Endpoint.objects.bulk_create(
        Endpoint(subscription=made, url=URL, created_at=now, **fields)
        for fields in endpoints(now)
        for made in [subscription(now)]
    )
    agree(
        Endpoint.objects.all(),
        Endpoint.Health.values,
        Endpoint.objects.in_health,
        lambda row: row.health,
    )
    unhealthy = {row.pk for row in Endpoint.objects.all() if row.is_unhealthy}
    assert {row.pk for row in Endpoint.objects.unhealthy()} == unhealthy


def subscription(now, **fields):
    return Subscription.objects.create(
        partner=Partner.objects.first() or factories.partner(),
        dialect="portal",
        profile="standard",
        public_id=str(uuid4()),
        created_at=now,
        updated_at=now,
        **fields,
    )


def test_a_subscription_is_found_by_the_state_that_it_shows():
    now = timezone.now()
    sick = [fields for fields in endpoints(now) if fields["open_until"] is None]
    for fields in subscriptions(now):
        for its in ([], [{}], *([{}, each] for each in sick)):
            made = subscription(now, **fields)
            Endpoint.objects.bulk_create(
                Endpoint(subscription=made, url=f"{URL}/{n}", created_at=now, **one)
                for n, one in enumerate(its)
            )
    live = Prefetch("endpoints", Endpoint.objects.live(), to_attr="live_endpoints")
    rows = Subscription.objects.all()
    for read in (rows, rows.prefetch_related("endpoints"), rows.prefetch_related(live)):
        agree(
            read,
            Subscription.State.values,
            Subscription.objects.in_state,
            lambda row: row.state,
        )


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "on"),
        ({"is_active": False, "disabled_at": True}, "off"),
        ({"is_active": False, "disabled_at": True, "deleted_at": True}, "deleted"),
        ({"disabled_at": True}, "disabled"),
    ],
)
def test_the_first_of_several_states_is_shown(fields, state):
    now = timezone.now()
    given = {name: now if value is True else value for name, value in fields.items()}
    if "disabled_at" in given:
        given["disabled_reason"] = "Gone."
    made = subscription(now, **given)
    assert made.state == state
    assert made.is_receiving == (state == "on")


def test_a_delivery_is_found_by_the_status_that_it_shows():
    partner = factories.partner()
    hook(partner)
    now = timezone.now()
    for state, attempts in product(Delivery.State.values, (0, 1, 7)):
        (row,) = publish(partner).deliveries.all()
        is_pending = state == Delivery.State.PENDING
        Delivery.objects.filter(id=row.id).update(
            state=state,
            attempts=attempts,
            due_at=now if is_pending else None,
            settled_at=None if is_pending else now,
        )
    agree(
        Delivery.objects.all(),
        Delivery.Status.values,
        Delivery.objects.in_status,
        lambda row: row.status,
    )


def test_statuses_are_the_states_and_retrying():
    assert set(Delivery.Status.values) == {*Delivery.State.values, "retrying"}


def test_a_key_is_found_by_the_state_that_it_shows():
    now = timezone.now()
    past, soon, later = (now + timedelta(days=days) for days in (-1, 1, 90))
    partners = [factories.partner(), factories.partner(is_active=False), None]
    for number, (partner, expires_at, revoked_at) in enumerate(
        product(partners, (None, past, now, soon, later), (None, past))
    ):
        ApiKey.objects.create(
            partner=partner,
            kind="partner" if partner else "publisher",
            prefix=f"{number:010}",
            digest="",
            pepper=1,
            created_at=past,
            expires_at=expires_at,
            revoked_at=revoked_at,
        )
    agree(
        ApiKey.objects.select_related("partner"),
        ApiKey.State.values,
        ApiKey.objects.in_state,
        lambda row: row.state,
    )
