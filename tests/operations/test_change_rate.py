"""How often a partner's keys may change something in an hour."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests import factories
from tests.operations.outcomes import ended, hook
from tests.operations.recovering import wanting
from webhooks.models import ApiKey, AuditEntry, Recovery, SigningSecret, Subscription
from webhooks.operations import (
    keys,
    limits,
    partners,
    recoveries,
    secrets,
    subscriptions,
)
from webhooks.operations.audit import SYSTEM, Actor

pytestmark = pytest.mark.django_db

URLS = ["https://receiver.example.com/other"]


@pytest.fixture
def partner():
    return factories.partner()


@pytest.fixture
def key(partner):
    return factories.key(partner)[0]


@pytest.fixture
def by(key):
    return Actor.of_key(key)


def limit(partner, number):
    partners.update(by=SYSTEM, partner=partner, limits={"changes_per_hour": number})


def create(partner, by):
    identity = subscriptions.SubscriptionIdentity(
        partner=partner, dialect="portal", profile="standard"
    )
    return subscriptions.create(by=by, identity=identity, urls=URLS)


def stored():
    rows = (ApiKey, AuditEntry, Recovery, SigningSecret, Subscription)
    return [list(each.objects.order_by("pk").values()) for each in rows]


def test_its_keys_make_so_many_changes_and_leave_no_more_rows(partner, key, by):
    made = hook(partner)
    ended(partner, "exhausted")
    limit(partner, 0)
    before = stored()
    for change in (
        lambda: create(partner, by),
        lambda: subscriptions.update(by=by, subscription=made, change={"urls": URLS}),
        lambda: subscriptions.update(by=by, subscription=made, change={}),
        lambda: secrets.rotate(by=by, subscription=made),
        lambda: keys.rotate(by=by, key=key),
        lambda: recoveries.start(by=by, partner=partner, filter=wanting("exhausted")),
    ):
        with pytest.raises(limits.LimitReached, match="changes an hour"):
            change()
        assert stored() == before
    limit(partner, 6)
    assert create(partner, by)


def test_without_a_number_of_its_own_it_is_the_setting_s(partner, by, settings):
    settings.LIMIT_CHANGES_PER_HOUR = 2
    for _ in range(2):
        create(partner, by)
    with pytest.raises(limits.LimitReached):
        create(partner, by)
    create(factories.partner(), by)


def test_it_may_always_be_deleted_revoked_and_switched_off(partner, key, by):
    one = create(partner, by)
    other, _ = keys.rotate(by=by, key=key)
    kept = factories.subscription(partner, "topiic", api_key=other)
    limit(partner, 0)
    subscriptions.update(by=by, subscription=one, change={"is_active": False})
    with pytest.raises(limits.LimitReached):
        subscriptions.update(by=by, subscription=one, change={"is_active": False})
    with pytest.raises(limits.LimitReached):
        subscriptions.update(by=by, subscription=one, change={"is_active": True})
    subscriptions.delete(by=by, subscription=one)
    assert len(keys.revoke(by=by, key=key)) == 2
    kept.refresh_from_db()
    assert not kept.is_active


def test_staff_and_the_portal_are_not_counted(partner, by):
    limit(partner, 1)
    staff = Actor.of_staff(user_id=1, username="anna")
    for _ in range(3):
        create(partner, staff)
        create(partner, SYSTEM)
    create(partner, by)
    with pytest.raises(limits.LimitReached):
        create(partner, by)


def test_it_tells_when_there_is_room_again(partner, by):
    limit(partner, 2)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(2):
            create(partner, by)
            clock.shift(timedelta(minutes=10))
        with pytest.raises(limits.LimitReached) as reached:
            create(partner, by)
        assert reached.value.wait == 40 * 60
        clock.shift(40 * 60 - 1)
        with pytest.raises(limits.LimitReached):
            create(partner, by)
        clock.shift(1)
        create(partner, by)


def test_a_change_asks_one_statement_more(partner, by, django_assert_max_num_queries):
    asked = []
    for actor in (SYSTEM, by, by):
        with django_assert_max_num_queries(50) as queries:
            create(partner, actor)
        asked.append(len(queries.captured_queries))
    assert asked == [asked[0], asked[0] + 1, asked[0] + 1]
