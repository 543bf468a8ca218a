"""The dashboard: what needs attention, each alert with the list of exactly those rows."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from tests import factories
from tests.admin import traffic
from webhooks.console import charts
from webhooks.models import (
    ApiKey,
    Attempt,
    Delivery,
    Endpoint,
    EndpointHour,
    Event,
    EventType,
    Partner,
    Recovery,
    StaffSession,
    Subscription,
    Worker,
    ids,
)
from webhooks.staff import alerts

from .conftest import Login

HOSTILE = "<script>alert(1)</script>"


def shown(client: Client) -> list[alerts.Alert]:
    found: list[alerts.Alert] = client.get("/staff/").context["alerts"]
    return found


def titles(client: Client) -> list[str]:
    return [alert.title for alert in shown(client)]


def only(client: Client, of: str) -> alerts.Alert:
    (found,) = [alert for alert in shown(client) if of in alert.title]
    return found


def listed(client: Client, found: alerts.Alert) -> set[Any]:
    """The keys of the rows of the list that an alert leads to."""
    return {row.pk for row in client.get(found.address).context["listed"].rows}


@pytest.fixture(autouse=True)
def worker(db) -> Worker:
    """One that is alive; without it every page says that none is running."""
    now = timezone.now()
    return Worker.objects.create(
        host="host", pid=1, backend="local", started_at=now, seen_at=now
    )


def subscription(**fields: Any) -> Subscription:
    return factories.subscription(factories.partner(), "blaze", **fields)


def failing(of: Subscription | None = None, since: datetime | None = None) -> Endpoint:
    endpoint = (of or subscription()).endpoints.get()
    endpoint.failing_since = since or timezone.now() - timedelta(hours=3)
    endpoint.consecutive_failures = 7
    endpoint.save()
    return endpoint


def hour(of: Subscription, delivered: int = 3, failed: int = 1) -> EndpointHour:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    return EndpointHour.objects.create(
        endpoint=of.endpoints.get(), partner=of.partner, hour=now,
        delivered=delivered, failed=failed, ms_50=delivered, ms_250=failed,
    )  # fmt: skip


def exhausted(of: Subscription | None = None, **fields: Any) -> Delivery:
    return traffic.delivery(of, **{"state": "exhausted", "last_status": 500, **fields})


def repeat(of: Delivery, state: str) -> Delivery:
    now = timezone.now()
    ends = {"due_at": now} if state == "pending" else {"settled_at": now}
    return Delivery.objects.create(
        event=of.event, partner=of.partner, subscription=of.subscription,
        endpoint=of.endpoint, url=of.url, profile=of.profile, state=state,
        redelivery_of=of.id, created_at=now, **ends,
    )  # fmt: skip


def aged(row: Any, **by: float) -> None:
    """As if it had been made so long ago."""
    at = timezone.now() - timedelta(**by)
    id = UUID(int=ids.before(at + timedelta(hours=1)).int | row.pk.int & (1 << 80) - 1)
    type(row).objects.filter(pk=row.pk).update(id=id, created_at=at)


def test_when_nothing_needs_anybody_it_says_so(console: Client) -> None:
    traffic.delivery()
    page = console.get("/staff/")
    assert page.context["alerts"] == []
    assert "Nothing needs attention now." in page.content.decode()
    assert "1 delivery worker at work" in page.content.decode()


class TestSubscriptions:
    def test_one_that_fails_is_named_with_its_url(self, console: Client) -> None:
        endpoint = failing()
        found = only(console, "failing")
        assert found.title == "1 subscription is failing"
        (named,) = found.items
        assert named.address == f"/staff/subscriptions/{endpoint.subscription_id}/"
        assert named.description == endpoint.url
        assert named.at == endpoint.failing_since

    def test_the_longest_failing_are_named_and_the_list_has_all(
        self, console: Client
    ) -> None:
        now = timezone.now()
        made = [failing(since=now - timedelta(hours=n)) for n in range(8)]
        subscription()
        found = only(console, "failing")
        assert found.title == "8 subscriptions are failing"
        assert [t.at for t in found.items] == [e.failing_since for e in made[:2:-1]]
        assert found.has_more
        assert listed(console, found) == {e.subscription_id for e in made}

    @pytest.mark.parametrize("change", ["is_active", "deleted_at", "removed_at"])
    def test_what_is_off_or_gone_needs_nobody(self, console: Client, change) -> None:
        endpoint = failing()
        if change == "is_active":
            Subscription.objects.update(is_active=False)
        elif change == "deleted_at":
            Subscription.objects.update(deleted_at=timezone.now())
        else:
            Endpoint.objects.filter(pk=endpoint.pk).update(removed_at=timezone.now())
        assert titles(console) == []

    def test_one_that_was_disabled_says_why(self, console: Client) -> None:
        made = subscription()
        Subscription.objects.filter(pk=made.pk).update(
            disabled_at=timezone.now(), disabled_reason="Its receiver said 410."
        )
        subscription()
        found = only(console, "disabled")
        assert found.items[0].description == "Its receiver said 410."
        assert listed(console, found) == {made.pk}
        assert titles(console) == ["1 subscription is disabled"]


class TestWorkers:
    def test_one_that_is_silent_comes_first(self, console: Client) -> None:
        failing()
        Worker.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
        assert titles(console)[0] == "No delivery worker responds"
        assert "delivery worker at work" not in console.get("/staff/").content.decode()

    def test_where_none_runs_it_says_how_to_start_one(self, console: Client) -> None:
        Worker.objects.all().delete()
        assert (
            "manage.py deliver"
            in only(console, "No delivery worker is running").description
        )


class TestDeliveries:
    def test_the_oldest_that_is_due_is_told_by_its_age(self, console: Client) -> None:
        now = timezone.now()
        for minutes in (5, 90, -5):
            waiting = traffic.delivery(
                state="pending",
                settled_at=None,
                due_at=now - timedelta(minutes=minutes),
            )
            waiting.subscription.endpoints.update(next_due_at=waiting.due_at)
        found = only(console, "oldest due delivery")
        assert "90 minutes" in found.title
        oldest = Delivery.objects.order_by("due_at").first()
        assert oldest is not None
        assert listed(console, found) == set(
            Delivery.objects.values_list("id", flat=True)
        )
        rows = console.get(found.items[0].address).context["listed"].rows
        assert [row.pk for row in rows] == [oldest.pk]

    def test_what_is_due_just_now_needs_nobody(self, console: Client) -> None:
        subscription()
        Endpoint.objects.update(next_due_at=timezone.now() - timedelta(seconds=50))
        assert titles(console) == []

    def test_those_that_wait_for_an_encryption_key_are_counted(
        self, console: Client
    ) -> None:
        for _ in range(2):
            repeat(exhausted(), "pending")
        Delivery.objects.pending().update(reason=Delivery.WAITS_FOR_KEY)
        found = only(console, "wait for a key")
        assert found.title == "2 deliveries wait for a key"

    def test_the_failed_are_those_that_no_repeat_has_recovered(
        self, console: Client
    ) -> None:
        lost = {exhausted().pk, exhausted(traffic.delivery().subscription).pk}
        for state in ("delivered", "pending"):
            repeat(exhausted(), state)
        again = exhausted()
        repeat(again, "exhausted")
        found = only(console, "failed deliver")
        assert found.title == "3 failed deliveries (all attempts used)"
        assert listed(console, found) == lost | {again.pk}

    def test_tests_that_failed_need_nobody(self, console: Client) -> None:
        exhausted()
        Delivery.objects.update(reason=Delivery.TRIED_ONCE)
        assert titles(console) == []

    def test_those_of_a_deleted_subscription_need_nobody(self, console: Client) -> None:
        exhausted()
        Subscription.objects.update(deleted_at=timezone.now())
        assert titles(console) == []

    def test_those_older_than_a_week_need_nobody(self, console: Client) -> None:
        exhausted()
        Attempt.objects.all().delete()  # it would be of no delivery
        aged(Delivery.objects.get(), days=7, minutes=1)
        assert titles(console) == []
        exhausted()
        assert (
            only(console, "failed deliver").title
            == "1 failed delivery (all attempts used)"
        )

    def test_they_are_counted_no_further_than_need_be(self, console: Client) -> None:
        one = exhausted()
        for more, title in (
            (1, "2 failed deliveries"),
            (998, "1,000 failed deliveries"),
            (5, "More than 1,000 failed deliveries"),
        ):
            traffic.copy(one, more)
            found = only(console, "failed deliver").title
            assert found == f"{title} (all attempts used)"


class TestKeys:
    def test_those_that_end_within_two_weeks_are_named(self, console: Client) -> None:
        now = timezone.now()
        ends = [1, 13, 15, None, -1]
        for days in ends:
            key, _ = factories.key(
                factories.partner(), name=f"ends in {days}", expires_at=None
            )
            if days is not None:
                ApiKey.objects.filter(pk=key.pk).update(
                    created_at=now - timedelta(days=30),
                    expires_at=now + timedelta(days=days),
                )
        found = only(console, "expire")
        assert found.title == "2 keys expire soon"
        assert [thing.name for thing in found.items] == ["ends in 1", "ends in 13"]
        assert listed(console, found) == {
            key.pk
            for key in ApiKey.objects.all()
            if key.name in ("ends in 1", "ends in 13")
        }

    def test_those_of_a_partner_that_is_off_need_nobody(self, console: Client) -> None:
        soon = timezone.now() + timedelta(days=1)
        factories.key(factories.partner(is_active=False), expires_at=soon)
        assert titles(console) == []
        factories.key(None, expires_at=soon)
        assert only(console, "expire").items[0].description == "a publisher"


def test_unmatched_events_lead_to_the_list_of_them(console: Client) -> None:
    traffic.delivery()
    now = timezone.now()
    fields = {"type": "x", "data": {}, "occurred_at": now, "created_at": now}
    for _ in range(2):
        Event.objects.create(
            partner=factories.partner(), unmatched_reason="No match.", **fields
        )
    unmatched = set(Event.objects.filter(matched=0).values_list("id", flat=True))
    aged(
        Event.objects.create(
            partner=factories.partner(), unmatched_reason="No match.", **fields
        ),
        hours=25,
    )
    found = only(console, "unmatched")
    assert found.title == "2 unmatched events"
    assert listed(console, found) == unmatched


def test_a_recovery_under_way_is_news_and_no_alert(console: Client) -> None:
    Recovery.objects.create(
        partner=factories.partner(), state="running", total=1000, done=250,
        actor="boss", created_at=timezone.now(), started_at=timezone.now(),
    )  # fmt: skip
    page = console.get("/staff/")
    assert page.context["alerts"] == []
    news = page.context["all_alerts"][-1]
    assert news.title == "1 recovery is under way"
    assert news.items[0].description == "250 of 1,000"
    html = page.content.decode()
    assert "Nothing needs attention now." in html
    assert news.items[0].address in html


@pytest.mark.parametrize(
    ("permission", "title"),
    [("view_subscription", "failing"), ("view_apikey", "expire"), ("view_event", "unmatched")],
)  # fmt: skip
def test_staff_see_the_parts_they_may_look_at_further(
    login: Login, permission, title
) -> None:
    failing()
    soon = timezone.now() + timedelta(days=1)
    factories.key(factories.partner(), expires_at=soon)
    now = timezone.now()
    Event.objects.create(
        partner=factories.partner(), type="x", data={}, unmatched_reason="No match.",
        occurred_at=now, created_at=now,
    )  # fmt: skip
    assert titles(login("view_delivery")) == []
    (shown,) = titles(login("view_delivery", permission))
    assert title in shown


@pytest.mark.parametrize(
    ("permissions", "page"),
    [(["view_partner", "view_event"], "/staff/partners/"), (["view_event"], "/staff/events/"),
     (["view_auditentry"], "/staff/audit/")],
)  # fmt: skip
def test_who_may_not_see_deliveries_is_led_to_what_they_may(
    login: Login, permissions, page
) -> None:
    client = login(*permissions)
    assert client.get("/staff/")["Location"] == page
    assert client.get("/staff/alerts/").status_code in {302, 403}


def test_who_may_see_nothing_is_told_so(login: Login) -> None:
    response = login().get("/staff/")
    assert response.status_code == 403
    assert "Your account lacks the permission" in response.content.decode()


class TestTraffic:
    def test_it_charts_the_attempts_of_the_chosen_period(self, console: Client) -> None:
        traffic.delivery()
        hour(subscription(), delivered=30, failed=10)
        for period, words in charts.PERIODS.items():
            page = console.get(f"/staff/?period={period}")
            chart = page.context["chart"]
            assert (chart.period, chart.delivered, chart.failed) == (period, 30, 10)
            assert f"Attempts of the last {words.label}" in page.content.decode()
            assert f"/staff/deliveries/?within={period}" in page.content.decode()

    def test_what_is_behind_the_chart_is_listed(self, console: Client) -> None:
        arrived, lost = traffic.delivery(), exhausted()
        hour(arrived.subscription, delivered=1)
        page = console.get("/staff/")
        shown = {
            name: {row.pk for row in console.get(address).context["listed"].rows}
            for name, address in page.context["drill_down"].items()
        }
        assert shown == {
            "all": {arrived.pk, lost.pk},
            "delivered": {arrived.pk},
            "failed": {lost.pk},
        }
        figures = re.findall(r"<dd[^>]*>(.*?)</dd>", page.content.decode())
        links = page.context["drill_down"]
        leads = ["delivered", "all", "failed", "all", "all"]
        for name, figure in zip(leads, figures, strict=True):
            assert figure.startswith(f'<a href="{escape(links[name])}">')

    def test_the_busiest_partners_come_first(self, console: Client) -> None:
        made = [subscription() for _ in range(12)]
        for number, each in enumerate(made):
            hour(each, delivered=number + 1, failed=1)
        old = hour(subscription(), delivered=1000)
        EndpointHour.objects.filter(pk=old.pk).update(
            hour=timezone.now() - timedelta(days=2)
        )
        busiest = console.get("/staff/").context["busiest"]
        assert [busy["partner_id"] for busy in busiest] == [
            s.partner_id for s in made[:1:-1]
        ]
        assert (busiest[0]["attempts"], busiest[0]["failures"]) == (13, 1)
        first = busiest[0]["partner_id"]
        html = console.get("/staff/").content.decode()
        assert f'href="/staff/partners/{first}/"' in html
        of_all = f"/staff/deliveries/?partner={first}&amp;within=24h"
        assert f'<a href="{of_all}">13</a>' in html
        assert f'<a href="{of_all}&amp;state=failed">1</a>' in html
        longer = console.get("/staff/?period=7d").context["busiest"]
        assert longer[0]["attempts"] == 1001

    def test_a_partners_name_is_no_link_for_who_may_not_see_it(
        self, login: Login
    ) -> None:
        each = subscription()
        hour(each)
        html = login("view_delivery").get("/staff/").content.decode()
        assert each.partner.name in html
        assert f"/staff/partners/{each.partner_id}/" not in html


class TestFirstSteps:
    def test_a_fresh_portal_says_what_to_do_first(self, console: Client) -> None:
        html = console.get("/staff/").content.decode()
        assert "Three steps to the first webhook" in html
        for page in ("partners/new/", "keys/issue/", "events/publish/"):
            assert f'href="/staff/{page}"' in html
        assert ">done<" not in html

    def test_what_is_done_is_marked(self, console: Client) -> None:
        partner = factories.partner()
        assert console.get("/staff/").content.decode().count(">done<") == 1
        factories.key(partner)
        assert console.get("/staff/").content.decode().count(">done<") == 2

    def test_who_may_not_do_it_is_offered_no_link(self, login: Login) -> None:
        html = login("view_delivery").get("/staff/").content.decode()
        assert "Create a partner" in html
        assert 'href="/staff/partners/new/"' not in html

    def test_they_are_gone_with_the_first_event(self, console: Client) -> None:
        traffic.delivery()
        assert "Three steps" not in console.get("/staff/").content.decode()


def test_the_part_that_refreshes_itself_is_the_same(console: Client) -> None:
    failing()
    page = console.get("/staff/").content.decode()
    part = console.get("/staff/alerts/").content.decode()
    assert 'data-live="/staff/alerts/"' in part
    assert "<html" not in part
    assert "1 subscription is failing" in part
    assert part.strip().splitlines()[-1] in page


@pytest.mark.parametrize(("page", "is_a_sign"), [("", True), ("alerts/", False)])
def test_only_who_opens_it_is_there(console: Client, page, is_a_sign) -> None:
    """What refreshes itself keeps nobody logged in who has left."""
    console.get("/staff/")
    rows = StaffSession.objects.filter(pk=console.session["staff_session"])
    long_ago = timezone.now() - timedelta(minutes=2)
    rows.update(seen_at=long_ago)
    console.get(f"/staff/{page}")
    assert (rows.get().seen_at > long_ago) is is_a_sign


def test_what_strangers_wrote_is_text(console: Client) -> None:
    partner = factories.partner(name=f"{HOSTILE}P")
    made = factories.subscription(
        partner, "blaze", urls=[f"https://r.example.com/{HOSTILE}"], name=HOSTILE
    )
    failing(made)
    hour(made)
    html = console.get("/staff/").content.decode()
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;P" in html


@pytest.mark.once
def test_the_database_is_asked_as_often_for_a_hundred_as_for_one(
    console: Client,
) -> None:
    seen = []
    for more in (1, 9, 90):
        now = timezone.now()
        for _ in range(more):
            made = exhausted().subscription
            failing(made)
            hour(made)
            factories.key(made.partner, expires_at=now + timedelta(days=1))
            Recovery.objects.create(
                partner=made.partner, state="running", total=1, actor="boss",
                created_at=now,
            )  # fmt: skip
        console.get("/staff/")
        with CaptureQueriesContext(connection) as asked:
            assert console.get("/staff/").status_code == 200
        seen.append(len(asked))
    assert len(set(seen)) == 1
    assert Partner.objects.count() == 100


def test_the_dashboard_alone_is_marked_in_the_sidebar(console: Client) -> None:
    for page in ("/staff/", "/staff/events/"):
        (family, *_) = console.get(page).context["sidebar_navigation"]
        marked = [item["link"] for item in family["items"] if item["active"]]
        assert marked == [page]


def test_an_unusable_schema_is_named_with_its_type(console: Client) -> None:
    assert not [title for title in titles(console) if "schema" in title]
    EventType.objects.filter(name="order.created").update(schema={"$ref": "#"})
    EventType.objects.filter(name="order.updated").update(schema={"pattern": "(?=a)"})
    alert = only(console, "2 unusable schemas")
    assert [item.name for item in alert.items] == ["order.created", "order.updated"]
    refused, unchecked = (
        console.get(item.address).content.decode() for item in alert.items
    )
    assert "every event of this type is refused" in refused
    assert "published unchecked" in unchecked
    assert "look-around" in unchecked
