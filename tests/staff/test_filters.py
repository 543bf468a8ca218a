"""Filters: each finds its rows and no others, stands in the address, explains itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from tests.admin import traffic
from webhooks.models import AuditEntry, Delivery, Event, EventType
from webhooks.operations import events, partners
from webhooks.operations.audit import SYSTEM, Actor


def found(console: Client, page: str, **query: Any) -> list[Any]:
    response = console.get(f"/staff/{page}/", query)
    assert response.status_code == 200
    assert response.context["form"].errors == {}
    return [row.pk for row in response.context["listed"].rows]


class TestDeliveries:
    @pytest.fixture
    def other(self, db) -> Delivery:
        """What no filter of these tests asks for."""
        return traffic.delivery()

    @pytest.mark.usefixtures("other")
    @pytest.mark.parametrize(
        ("query", "fields"),
        [
            ({"state": "exhausted"}, {"state": "exhausted"}),
            ({"state": "failed"}, {"state": "cancelled"}),
            ({"state": "failed"}, {"state": "not_sent"}),
            ({"state": "pending"}, {"state": "pending", "settled_at": None, "due_at": timezone.now(), "attempts": 0}),
            ({"state": "retrying"}, {"state": "pending", "settled_at": None, "due_at": timezone.now(), "attempts": 1}),
            ({"status": "503"}, {"last_status": 503}),
            ({"outcome": "timeout"}, {"last_outcome": "timeout"}),
            ({"outcome": "timeout", "status": "503"}, {"last_outcome": "timeout", "last_status": 503}),
        ],
    )  # fmt: skip
    def test_by_how_it_stands(self, console: Client, query, fields) -> None:
        expected = traffic.delivery(**fields)
        assert found(console, "deliveries", **query) == [expected.pk]

    def test_delivered_ones_leave_the_others_out(self, console: Client, other) -> None:
        traffic.delivery(state="exhausted")
        assert found(console, "deliveries", state="delivered") == [other.pk]

    @pytest.mark.usefixtures("other")
    def test_by_a_part_of_the_url_in_any_case_and_literally(
        self, console: Client
    ) -> None:
        partner = factories.partner()
        subscription = factories.subscription(
            partner, "partnero", urls=["https://hooks.example.org/Shop_1/100%25"]
        )
        expected = traffic.delivery(subscription)
        for part in ("shop_1", "100%25", "HOOKS.example.org"):
            assert found(console, "deliveries", url=part) == [expected.pk]
        assert found(console, "deliveries", url="shop%1") == []

    @pytest.mark.usefixtures("other")
    def test_by_what_it_belongs_to(self, console: Client) -> None:
        partner = factories.partner(name="Acme Loyalty")
        expected = traffic.delivery(factories.subscription(partner, "partnero"))
        Event.objects.filter(id=expected.event_id).update(type="order.created")
        for query in (
            {"partner": partner.pk},
            {"partner": "acme loyalty"},
            {"partner": "Acme"},
            {"subscription": expected.subscription_id},
            {"endpoint": expected.endpoint_id},
            {"event": expected.event_id},
            {"profile": "partnero"},
            {"event_type": "order.created"},
        ):
            assert found(console, "deliveries", **query) == [expected.pk]

    def test_by_time(self, console: Client, other) -> None:
        now = timezone.now()
        old = traffic.delivery()
        Delivery.objects.filter(id=old.id).update(created_at=now - timedelta(days=2))
        minute = f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}"
        assert found(console, "deliveries", within="24h") == [other.pk]
        assert found(console, "deliveries", since=minute) == [other.pk]
        assert found(console, "deliveries", until=minute) == []
        ahead = f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}"
        assert set(found(console, "deliveries", until=ahead)) == {other.pk, old.pk}
        assert found(console, "deliveries", until=ahead, within="1h") == [other.pk]

    def test_the_earlier_of_two_beginnings_does_not_count(
        self, console: Client, other
    ) -> None:
        long_ago = "2020-01-01T00:00"
        Delivery.objects.filter(id=other.id).update(
            created_at=timezone.now() - timedelta(hours=3)
        )
        assert found(console, "deliveries", since=long_ago, within="1h") == []


class TestEvents:
    @pytest.fixture
    def nobody(self, db) -> Event:
        return events.publish(
            by=SYSTEM, partner=factories.partner(name="Quiet"), type="order.created",
            data={}, idempotency_key="k-1",
        ).event  # fmt: skip

    def test_by_each_filter(self, console: Client, nobody: Event) -> None:
        matched = traffic.delivery().event
        for query in (
            {"matched": "no"},
            {"partner": "quiet"},
            {"type": "order.created"},
            {"idempotency_key": "k-1"},
        ):
            assert found(console, "events", **query) == [nobody.pk]
        assert found(console, "events", matched="yes") == [matched.pk]

    def test_the_list_says_why_nobody_was_told(
        self, console: Client, nobody: Event
    ) -> None:
        page = console.get("/staff/events/").content.decode()
        assert nobody.unmatched_reason in page


class TestAudit:
    def test_by_each_filter(self, console: Client) -> None:
        by = Actor.of_staff(user_id=7, username="grace")
        partner = partners.create(by=by, name="Acme")
        factories.partner(name="Other")
        (expected,) = AuditEntry.objects.filter(partner_id=partner.id)
        for query in (
            {"partner": "acme"},
            {"actor_kind": "staff"},
            {"actor": "GRAC"},
            {"target": str(partner.id)},
            {"target": "acme"},
            {"actor": "grace", "action": "partner."},
        ):
            assert found(console, "audit", **query) == [expected.pk]
        assert found(console, "audit", action="key.") == []

    def test_by_time(self, console: Client) -> None:
        entry = AuditEntry(
            at=datetime(2026, 11, 1, tzinfo=UTC), actor_kind="system",
            actor="system", action="x.y", target_type="x", target_id="1",
        )  # fmt: skip
        entry.save()
        query = {"since": "2026-11-01T00:00", "until": "2026-11-01T00:00:01"}
        assert found(console, "audit", **query) == [entry.pk]
        assert found(console, "audit", since="2026-11-01T00:00:01") == []


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ({"partner": "nobody"}, "partner", "There is no such partner"),
        ({"partner": "00000000-0000-7000-8000-000000000000"}, "partner", "no such partner"),
        ({"partner": "a"}, "partner", "Several partners fit: Alpha, Beta"),
        ({"status": "99"}, "status", "greater than or equal to 100"),
        ({"state": "lost"}, "state", "not one of the available choices"),
        ({"since": "yesterday"}, "since", "Enter a valid date/time"),
        ({"since": "0001-01-01T00:00+14:00"}, "since", "Enter a valid date/time"),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field(
    console: Client, query, field, says
) -> None:
    for name in ("Alpha", "Beta"):
        traffic.delivery(factories.subscription(factories.partner(name=name), "blaze"))
    response = console.get("/staff/deliveries/", query)
    assert response.status_code == 200
    assert says in response.context["form"].errors[field][0]
    assert says in response.content.decode()
    assert not response.context["listed"].rows


def test_a_name_goes_before_a_part_of_a_name(console: Client) -> None:
    for name in ("Acme", "Acme Two"):
        traffic.delivery(factories.subscription(factories.partner(name=name), "blaze"))
    (row,) = console.get("/staff/deliveries/?partner=acme").context["listed"].rows
    assert row.partner.name == "Acme"


def test_only_a_few_of_many_partners_are_named(console: Client) -> None:
    for number in range(7):
        factories.partner(name=f"Shop {number}")
    page = console.get("/staff/deliveries/?partner=shop").content.decode()
    assert "Shop 4 and more" in page
    assert "Shop 5" not in page


def test_filters_that_are_set_are_named_and_can_be_taken_away(console: Client) -> None:
    partner = factories.partner(name="Acme & Co")
    query = {"partner": str(partner.pk), "state": "failed", "status": ""}
    page = console.get("/staff/deliveries/", query).content.decode()
    assert "Partner: <strong>Acme &amp; Co</strong>" in page  # not its id
    assert "Status: <strong>Not delivered</strong>" in page
    assert 'href="?state=failed"' in page
    assert f'href="?partner={partner.pk}"' in page
    assert "Status code: <strong>" not in page


@pytest.mark.parametrize("page", ["deliveries", "events", "audit", "event-types"])
def test_an_empty_list_says_what_to_do(console: Client, page) -> None:
    EventType.objects.all().delete()
    text = console.get(f"/staff/{page}/").content.decode()
    assert 'class="nothing"' in text
    assert "<table" not in text


@pytest.mark.parametrize("page", ["deliveries", "events", "audit"])
def test_filters_that_nothing_matches_can_be_cleared(console: Client, page) -> None:
    text = console.get(f"/staff/{page}/?within=1h").content.decode()
    assert "Nothing matches these filters" in text
    assert 'href="?"' in text


def test_behind_the_last_row_is_the_way_back(console: Client) -> None:
    page = console.get(
        "/staff/deliveries/?before=00000000-0000-7000-8000-000000000000"
    ).content.decode()
    assert "There is nothing older" in page
    assert 'href="?"' in page
