"""A recovery that was started: watched until it is over, or cancelled, and listed."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from tests.operations.outcomes import URL, ended, hook, publish, settle
from webhooks.models import AuditEntry, Delivery, Endpoint, Partner, Recovery
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM

from .conftest import Login
from .recovery_pages import NEW, advance, started, text


@pytest.fixture
def partner(db) -> Partner:
    return factories.partner(name="Acme")


class TestStatus:
    def test_it_says_what_was_asked_and_how_far_it_is(
        self, console: Client, partner
    ) -> None:
        subscription = hook(partner, name="Orders")
        for _ in range(4):
            ended(partner, "exhausted")
        recovery = started(partner, subscription=subscription, types=["order.created"])
        advance()
        queued = list(Delivery.objects.filter(recovery=recovery))
        settle(queued[0], "delivered")
        settle(queued[1], "exhausted")
        response = console.get(f"/staff/recoveries/{recovery.id}/")
        page = text(response)
        assert "All is queued, and 2 still wait for an answer." in page
        assert '<progress value="2" max="4"' in page
        for state, count in (("waiting", 2), ("delivered", 1), ("exhausted", 1)):
            link = f"/staff/deliveries/?recovery={recovery.id}&amp;state={state}"
            label = "failed permanently" if state == "exhausted" else state
            assert f'href="{link}"><strong>{count}</strong> {label}' in page
            listed = console.get(link.replace("&amp;", "&")).context["listed"]
            assert len(listed.rows) == count
        assert f'href="/staff/subscriptions/{subscription.id}/">Orders' in page
        assert "order.created" in page
        assert f"/staff/audit/?target={recovery.id}" in page

    @pytest.mark.parametrize(
        ("state", "pending", "seconds"),
        [("running", 0, 2), ("done", 1, 10), ("cancelled", 1, 10), ("done", 0, None)],
    )
    def test_it_is_looked_at_again_while_anything_moves(
        self, console: Client, partner, state, pending, seconds
    ) -> None:
        hook(partner)
        ended(partner, "exhausted")
        recovery = started(partner)
        if pending:
            advance()
        finished = None if state == "running" else timezone.now()
        Recovery.objects.update(state=state, finished_at=finished)
        address = f"/staff/recoveries/{recovery.id}/"
        part = text(console.get(f"{address}progress/"))
        assert "<html" not in part
        for page in (part, text(console.get(address))):
            live = f'data-live="{address}progress/" data-live-seconds="{seconds}"'
            assert (live in page) == (seconds is not None)
            assert ("data-live" in page) == (seconds is not None)

    def test_it_says_what_it_waits_for(self, console: Client, partner) -> None:
        subscription = hook(partner)
        ended(partner, "exhausted")
        recovery = started(partner, subscription=subscription)
        subscriptions.update(
            by=SYSTEM, subscription=subscription, change={"is_active": False}
        )
        advance()
        page = text(console.get(f"/staff/recoveries/{recovery.id}/"))
        assert "0 of 1 are queued again. It waits." in page
        assert "The subscription is switched off. Nothing is lost" in page

    def test_it_says_that_an_endpoint_is_paused_or_disabled(
        self, console: Client, partner
    ) -> None:
        subscription = hook(partner, URL, "https://two.example.com/")
        for delivery in publish(partner).deliveries.all():
            settle(delivery, "exhausted")
        recovery = started(partner)
        now = timezone.now()
        first, second = subscription.endpoints.order_by("position")
        Endpoint.objects.filter(id=first.id).update(
            open_until=now + timedelta(hours=1), consecutive_failures=12,
            failing_since=now,
        )  # fmt: skip
        Endpoint.objects.filter(id=second.id).update(
            disabled_at=now, disabled_reason="It said 410."
        )
        page = text(console.get(f"/staff/recoveries/{recovery.id}/"))
        assert "has failed 12 times in a row" in page
        assert "are left out: it was disabled. It said 410." in page

    def test_it_says_when_all_will_be_queued_once_that_can_be_told(
        self, console: Client, partner
    ) -> None:
        hook(partner)
        recovery = started(partner)
        page = f"/staff/recoveries/{recovery.id}/progress/"
        Recovery.objects.update(
            total=400, done=100, started_at=timezone.now() - timedelta(minutes=2)
        )
        assert "in about 6\u00a0minutes" in console.get(page).content.decode()
        Recovery.objects.update(done=0)
        assert "At this speed" not in text(console.get(page))
        Recovery.objects.update(done=100, started_at=timezone.now())
        assert "At this speed" not in text(console.get(page))

    def test_one_that_is_over_says_what_was_left_out(
        self, console: Client, partner
    ) -> None:
        hook(partner)
        recovery = started(partner)
        page = f"/staff/recoveries/{recovery.id}/"
        Recovery.objects.update(state="done", finished_at=timezone.now())
        assert "There was nothing to send again." in text(console.get(page))
        Recovery.objects.update(total=3, done=1)
        shown = text(console.get(page))
        assert "Every delivery of it has ended." in shown
        assert "2 of those that were counted at the start" in shown
        assert "/cancel/" not in shown

    def test_a_subscription_that_is_kept_no_longer_is_missing(
        self, console: Client, partner
    ) -> None:
        subscription = hook(partner)
        recovery = started(partner, subscription=subscription)
        Recovery.objects.update(state="done", finished_at=timezone.now())
        subscription.delete()
        assert console.get(f"/staff/recoveries/{recovery.id}/").status_code == 200

    def test_who_may_not_replay_sees_no_buttons(self, login: Login, partner) -> None:
        hook(partner)
        recovery = started(partner)
        client = login("view_recovery")
        for page in ("/staff/recoveries/", f"/staff/recoveries/{recovery.id}/"):
            shown = text(client.get(page))
            assert "/cancel/" not in shown
            assert NEW not in shown
            assert "/staff/audit/" not in shown


class TestCancelling:
    def test_it_asks_once_and_ends_what_waits(self, console: Client, partner) -> None:
        hook(partner)
        for _ in range(3):
            ended(partner, "exhausted")
        recovery = started(partner)
        advance()
        arrived = Delivery.objects.filter(recovery=recovery).earliest("id")
        settle(arrived, "delivered")
        page = f"/staff/recoveries/{recovery.id}/cancel/"
        asked = text(console.get(page))
        assert "2 that wait for an attempt end as cancelled." in asked
        assert "1 has arrived" in asked
        assert "Let it go on" in asked
        assert Recovery.objects.get().state == "done"
        response = console.post(page, follow=True)
        assert response.redirect_chain == [(f"/staff/recoveries/{recovery.id}/", 302)]
        assert "Cancelled. No more of it is queued" in text(response)
        assert Recovery.objects.get().state == "cancelled"
        assert not Delivery.objects.pending().exists()
        entry = AuditEntry.objects.get(action="recovery.cancelled")
        assert (entry.actor_kind, entry.actor) == ("staff", "boss")

    def test_what_has_ended_is_not_cancelled(self, console: Client, partner) -> None:
        hook(partner)
        recovery = started(partner)
        advance()
        page = f"/staff/recoveries/{recovery.id}/cancel/"
        assert "nothing was cancelled" in text(console.get(page, follow=True))
        response = console.post(page, follow=True)
        assert "nothing was cancelled" in text(response)
        assert Recovery.objects.get().state == "done"


class TestList:
    def test_it_is_filtered(self, console: Client, partner) -> None:
        hook(partner)
        other = factories.partner(name="Other")
        hook(other)
        mine, theirs = started(partner), started(other)
        old = started(partner)
        Recovery.objects.filter(id=old.id).update(
            state="done", finished_at=timezone.now(),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip

        def found(**query: str) -> set[Any]:
            rows = console.get("/staff/recoveries/", query).context["listed"].rows
            return {row.id for row in rows}

        assert found() == {mine.id, theirs.id, old.id}
        assert found(partner="acme") == {mine.id, old.id}
        assert found(state="running") == {mine.id, theirs.id}
        assert found(partner="acme", state="running") == {mine.id}
        assert found(within="24h") == {mine.id, theirs.id}
        assert found(until="2026-02-01T00:00") == {old.id}

    def test_it_says_when_to_use_one(self, console: Client) -> None:
        page = text(console.get("/staff/recoveries/"))
        assert "Fix the cause first, then start one here." in page
        assert f'href="{NEW}"' in page

    def test_a_new_one_is_for_the_partner_that_is_shown(
        self, console: Client, partner
    ) -> None:
        page = text(console.get("/staff/recoveries/?partner=acme"))
        assert f'href="{NEW}?partner={partner.id}"' in page


@pytest.mark.once
def test_the_database_is_asked_as_often_for_a_hundred_as_for_one(
    console: Client, partner
) -> None:
    seen = defaultdict(set)
    factories.unlimited(partner)
    for more in (1, 9, 90):
        for _ in range(more):
            type = f"order.{Recovery.objects.count()}"
            of = hook(partner, f"https://r.example.com/{type}", events=[type])
            settle(publish(partner, type).deliveries.get(), "exhausted")
            recovery = started(partner, subscription=of)
        for page in ("", "{0}/", "{0}/progress/", "new/?partner={1}"):
            address = f"/staff/recoveries/{page.format(recovery.id, partner.id)}"
            console.get(address)
            with CaptureQueriesContext(connection) as asked:
                assert console.get(address).status_code == 200
            seen[page].add(len(asked))
    assert {page: len(counts) for page, counts in seen.items()} == dict.fromkeys(
        seen, 1
    )
