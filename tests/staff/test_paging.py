"""Lists in pages: every row once, in order, whatever has the same key; never counted."""

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin import traffic
from webhooks.console import paging
from webhooks.models import AuditEntry, Delivery, Event

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def small(monkeypatch) -> None:
    monkeypatch.setattr(paging, "SIZE", 3)


def walk(console: Client, page: str, query: str = "") -> list[list[Any]]:
    """The primary keys of all pages, by the links between them."""
    pages: list[list[Any]] = []
    following: str | None = query
    while following is not None:
        listed = console.get(page + following).context["listed"]
        pages.append([row.pk for row in listed.rows])
        following = listed.older
        assert len(pages) < 50
    return pages


def entries(count: int, *, at: datetime) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(
            at=at, actor_kind="system", actor="system", action=f"thing.{n}",
            target_type="thing", target_id=str(n),
        )
        for n in range(count)
    )  # fmt: skip


@pytest.mark.usefixtures("small")
def test_it_shows_every_row_once_the_newest_first(console: Client) -> None:
    for _ in range(8):
        traffic.delivery()
    pages = walk(console, "/staff/deliveries/")
    assert [len(page) for page in pages] == [3, 3, 2]
    newest_first = list(Delivery.objects.order_by("-id").values_list("id", flat=True))
    assert [pk for page in pages for pk in page] == newest_first


@pytest.mark.usefixtures("small")
def test_a_last_page_that_is_full_leads_nowhere(console: Client) -> None:
    for _ in range(6):
        traffic.delivery()
    assert [len(page) for page in walk(console, "/staff/deliveries/")] == [3, 3]


@pytest.mark.usefixtures("small")
def test_rows_of_the_same_moment_are_parted_without_loss(console: Client) -> None:
    entries(4, at=NOON)
    entries(4, at=NOON - timedelta(hours=1))
    entries(1, at=NOON + timedelta(hours=1))
    pages = walk(console, "/staff/audit/")
    in_order = AuditEntry.objects.order_by("-at", "-id").values_list("id", flat=True)
    assert [pk for page in pages for pk in page] == list(in_order)


@pytest.mark.usefixtures("small")
def test_rows_that_come_meanwhile_shift_nothing(console: Client) -> None:
    for _ in range(5):
        traffic.delivery()
    older = console.get("/staff/deliveries/").context["listed"].older
    before = [
        row.pk
        for row in console.get(f"/staff/deliveries/{older}").context["listed"].rows
    ]
    traffic.delivery()
    after = [
        row.pk
        for row in console.get(f"/staff/deliveries/{older}").context["listed"].rows
    ]
    assert before == after


@pytest.mark.usefixtures("small")
def test_a_page_keeps_its_filters_and_leads_back(console: Client) -> None:
    for _ in range(5):
        traffic.delivery(state="exhausted")
        traffic.delivery()
    first = console.get("/staff/deliveries/?state=exhausted&partner=").context["listed"]
    assert "state=exhausted" in first.older
    assert "partner" not in first.older  # empty fields are not carried along
    second = console.get(f"/staff/deliveries/{first.older}")
    assert {row.state for row in second.context["listed"].rows} == {"exhausted"}
    assert second.context["listed"].newest == "?state=exhausted"
    assert 'href="?state=exhausted"' in second.content.decode()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "~", "~~", "2026-11-21~x", "9999-12-31T23:59:59-23:59~",
     "0001-01-01T00:00:00+23:59~00000000-0000-7000-8000-000000000000"],
)  # fmt: skip
@pytest.mark.parametrize("page", ["deliveries", "events", "audit"])
def test_a_cursor_that_is_none_begins_at_the_first_page(
    console: Client, page, cursor
) -> None:
    traffic.one_of_each()
    response = console.get(f"/staff/{page}/?before={cursor}")
    assert response.status_code == 200
    assert response.context["listed"].rows


def test_a_time_without_a_zone_is_utc(console: Client) -> None:
    entries(1, at=NOON)
    key = "2026-11-21T13:00:00~00000000-0000-7000-8000-000000000000"
    found = console.get(f"/staff/audit/?before={key}").context["listed"].rows
    assert [row.at for row in found] == [NOON]


class TestReach:
    """A filter without an index looks at so many rows at once, and says so."""

    @pytest.fixture(autouse=True)
    def short(self, small, monkeypatch) -> None:
        monkeypatch.setattr(paging, "REACH", 4)

    def test_it_says_how_far_it_looked_and_goes_on(self, console: Client) -> None:
        expected = traffic.delivery(last_status=418)
        for _ in range(9):
            traffic.delivery()
        page = console.get("/staff/deliveries/?status=418").content.decode()
        assert "looked through 4 rows" in page
        assert "Look further back" in page
        assert "Nothing matches" not in page
        pages = walk(console, "/staff/deliveries/", "?status=418")
        assert pages == [[], [], [expected.pk]]

    def test_a_full_page_goes_on_behind_its_last_row(self, console: Client) -> None:
        expected = [traffic.delivery(last_status=418).pk for _ in range(6)]
        pages = walk(console, "/staff/deliveries/", "?status=418")
        assert pages[0] == expected[:2:-1]
        assert [pk for page in pages for pk in page] == expected[::-1]

    def test_what_an_index_finds_is_looked_for_everywhere(
        self, console: Client
    ) -> None:
        expected = traffic.delivery(state="exhausted")
        for _ in range(9):
            traffic.delivery()
        found = console.get("/staff/deliveries/?state=exhausted").context["listed"]
        assert [row.pk for row in found.rows] == [expected.pk]
        assert found.looked_at is None


@pytest.mark.once
def test_the_database_is_asked_as_often_for_a_hundred_rows_as_for_one(
    console: Client,
) -> None:
    seen = defaultdict(set)
    for more in (1, 9, 90):
        for _ in range(more):
            traffic.delivery(state="exhausted")
        for page in (
            *("deliveries/", "deliveries/?url=example&state=failed"),
            *("events/", "events/?matched=yes", "audit/", "audit/?actor=system"),
        ):
            console.get(f"/staff/{page}")
            with CaptureQueriesContext(connection) as asked:
                assert console.get(f"/staff/{page}").status_code == 200
            seen[page].add(len(asked))
            for query in asked.captured_queries:
                assert "count(" not in query["sql"].lower()
    assert {page: len(counts) for page, counts in seen.items()} == dict.fromkeys(
        seen, 1
    )


@pytest.mark.once
def test_one_page_asks_as_often_for_many_attempts_as_for_one(console: Client) -> None:
    sent = traffic.delivery()
    console.get(f"/staff/deliveries/{sent.pk}/")  # the session notes when it was used
    seen = []
    for more in (0, 9, 60):
        for _ in range(more):
            traffic.attempt(sent)
        with CaptureQueriesContext(connection) as asked:
            response = console.get(f"/staff/deliveries/{sent.pk}/")
        seen.append(len(asked))
    assert len(set(seen)) == 1
    assert "20 earlier attempts are not shown" in response.content.decode()


def test_no_page_is_reached_by_counting_rows(console: Client) -> None:
    """Only where a page ends is counted off, and never from where the list begins."""
    for _ in range(paging.SIZE + 1):
        traffic.delivery()
    older = console.get("/staff/deliveries/").context["listed"].older
    with CaptureQueriesContext(connection) as asked:
        console.get(f"/staff/deliveries/{older}")
    assert not any(re.search(r"\bOFFSET\b", q["sql"]) for q in asked.captured_queries)


def test_an_event_links_to_the_rest_of_its_deliveries(
    console: Client, monkeypatch
) -> None:
    sent = traffic.delivery()
    monkeypatch.setattr("webhooks.staff.events.MOST_DELIVERIES", 2)
    for _ in range(2):
        Delivery.objects.create(
            event=sent.event, partner=sent.partner, subscription=sent.subscription,
            endpoint=sent.endpoint, url=sent.url, profile=sent.profile,
            state="delivered", created_at=timezone.now(), settled_at=timezone.now(),
        )  # fmt: skip
    traffic.delivery()
    page = console.get(f"/staff/events/{sent.event_id}/")
    assert len(page.context["deliveries"]) == 2
    link = f"/staff/deliveries/?event={sent.event_id}"
    assert f'href="{link}"' in page.content.decode()
    assert len(console.get(link).context["listed"].rows) == 3
    assert Event.objects.count() == 2
