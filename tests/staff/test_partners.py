"""Partners in the console: the list, one with everything about it, its forms, its switch."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from tests.admin import traffic
from webhooks.console import paging
from webhooks.models import (
    AuditEntry,
    Delivery,
    Endpoint,
    Partner,
    Recovery,
    Subscription,
)
from webhooks.operations import partners as operations
from webhooks.operations.audit import SYSTEM
from webhooks.staff.partners import overview

from .conftest import Login

LIST = "/staff/partners/"


def address(partner: Partner, page: str = "") -> str:
    return f"{LIST}{partner.pk}/{page}"


def names(console: Client, query: str = "") -> list[str]:
    return [row.name for row in console.get(LIST + query).context["listed"].rows]


def ail(subscription: Subscription, **fields: Any) -> None:
    Endpoint.objects.filter(subscription=subscription).update(**fields)


def fail(subscription: Subscription) -> None:
    ail(subscription, failing_since=timezone.now(), consecutive_failures=3)


def disable(subscription: Subscription) -> None:
    ail(subscription, disabled_at=timezone.now(), disabled_reason="It is <gone>.")


class TestList:
    def test_it_goes_by_name_page_by_page(self, console: Client, monkeypatch) -> None:
        monkeypatch.setattr(paging, "SIZE", 2)
        for name in ("Delta ~ 4", "Alpha", "Charlie", "Bravo~2", "Echo"):
            factories.partner(name=name)
        seen, query = [], ""
        while query is not None:
            page = console.get(LIST + query)
            seen.append([row.name for row in page.context["listed"].rows])
            query = page.context["listed"].older
        assert seen == [["Alpha", "Bravo~2"], ["Charlie", "Delta ~ 4"], ["Echo"]]
        assert "← First page" in page.content.decode()
        assert page.context["listed"].newest == "?"

    def test_it_goes_by_age_where_that_is_asked_for(
        self, console: Client, monkeypatch
    ) -> None:
        monkeypatch.setattr(paging, "SIZE", 2)
        for name in ("Bravo", "Alpha", "Charlie"):
            factories.partner(name=name)
        first = console.get(f"{LIST}?order=newest").context["listed"]
        assert [row.name for row in first.rows] == ["Charlie", "Alpha"]
        assert names(console, first.older) == ["Bravo"]

    @pytest.mark.parametrize("cursor", ["", "~", "zzz~", "~~"])
    def test_a_cursor_that_is_none_is_the_first_page(
        self, console: Client, cursor
    ) -> None:
        factories.partner(name="€uro")  # behind every letter
        assert console.get(f"{LIST}?before={cursor}").status_code == 200

    def test_it_says_how_each_is_doing(self, console: Client) -> None:
        well, ill, bare = (factories.partner(name=n) for n in ("A", "B", "C"))
        key, _ = factories.key(well)
        key.last_used_at = timezone.now()
        key.save()
        factories.subscription(well, "capa", is_singleton=True)
        fail(factories.subscription(ill, "blaze"))
        disable(factories.subscription(ill, "nursa"))
        gone = factories.subscription(ill, "partnero")
        fail(gone)
        Subscription.objects.filter(id=gone.id).update(deleted_at=timezone.now())
        page = console.get(LIST)
        rows = {row["partner"].name: row for row in page.context["partners"]}
        assert rows["A"]["last_use"] == key.last_used_at
        assert (rows["A"]["subscriptions"], rows["B"]["subscriptions"]) == (1, 2)
        assert rows["B"]["unhealthy"].failing == rows["B"]["unhealthy"].disabled == 1
        html = page.content.decode()
        assert "1 failing" in html
        assert "1 disabled" in html
        assert html.count("no key") == 2
        assert bare.name == "C"

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("name=acm", ["Acme"]),
            ("name=OPS@b", ["Bravo"]),
            ("state=active", ["Acme", "Bravo"]),
            ("state=inactive", ["Charlie"]),
            ("health=failing", ["Acme"]),
            ("health=disabled", ["Bravo"]),
            ("health=none", ["Charlie"]),
            ("health=failing&state=inactive", []),
        ],
    )
    def test_it_is_filtered(self, console: Client, query, found) -> None:
        fail(factories.subscription(factories.partner(name="Acme"), "blaze"))
        bravo = factories.partner(name="Bravo", contact_email="ops@bravo.example")
        disable(factories.subscription(bravo, "blaze"))
        factories.partner(name="Charlie", is_active=False)
        assert names(console, f"?{query}") == found

    def test_an_empty_one_says_what_to_do(self, console: Client, login: Login) -> None:
        assert "Create the first partner" in console.get(LIST).content.decode()
        seen = login("view_partner").get(LIST).content.decode()
        assert "There are no partners yet" in seen
        assert "/staff/partners/new/" not in seen

    @pytest.mark.once
    def test_it_asks_as_often_for_a_hundred_as_for_one(self, console: Client) -> None:
        seen = []
        for more in (1, 9, 90):
            for _ in range(more):
                partner = factories.partner()
                factories.key(partner)
                fail(factories.subscription(partner, "blaze"))
            console.get(LIST)
            with CaptureQueriesContext(connection) as asked:
                console.get(LIST)
            seen.append(len(asked))
        assert len(set(seen)) == 1


class TestOne:
    def test_it_brings_everything_together(self, console: Client) -> None:
        rows = traffic.one_of_each()
        partner = rows[Partner]
        page = console.get(address(partner)).content.decode()
        for shown in (
            f"/staff/subscriptions/{rows[Subscription].id}/",
            f"/staff/deliveries/{rows[Delivery].id}/",
            f"/staff/recoveries/{rows[Recovery].id}/",
            f"/staff/subscriptions/new/?partner={partner.id}",
            f"/staff/keys/issue/?partner={partner.id}",
            f"/staff/recoveries/new/?partner={partner.id}",
            f"/staff/events/publish/?partner={partner.id}",
            f"/staff/deliveries/?partner={partner.id}",
            f"/staff/audit/?partner={partner.id}",
            f"{address(partner)}explore/",
            f"{address(partner)}edit/",
            f"{address(partner)}switch/",
        ):
            assert f'href="{shown}"' in page
        key = partner.keys.get()
        assert f"whk_{key.prefix}" in page
        assert key.digest not in page
        assert "partner.created" in page
        assert "whsec_hidden" not in page

    def test_it_names_what_is_not_well(self, console: Client) -> None:
        partner = factories.partner()
        disable(factories.subscription(partner, "blaze"))
        later = timezone.now() + timedelta(minutes=5)
        paused = factories.subscription(partner, "nursa")
        fail(paused)
        ail(paused, open_until=later)
        fail(factories.subscription(partner, "partnero"))
        page = console.get(address(partner)).content.decode()
        assert "It is &lt;gone&gt;." in page
        assert "Nothing is sent until" in page
        assert "3 attempts failed in a row" in page

    def test_it_shows_of_much_the_first(self, console: Client, monkeypatch) -> None:
        monkeypatch.setattr(overview, "MOST", 1)
        partner = factories.partner()
        for _ in range(2):
            fail(factories.subscription(partner, "blaze"))
            factories.key(partner)
        page = console.get(address(partner))
        assert len(page.context["subscriptions"].rows) == 1
        html = page.content.decode()
        for all in (
            f"/staff/subscriptions/?partner={partner.id}",
            f"/staff/keys/?partner={partner.id}",
            f"/staff/subscriptions/?partner={partner.id}&amp;state=failing",
        ):
            assert f'href="{all}"' in html
            assert console.get(all.replace("&amp;", "&")).status_code == 200

    def test_keys_that_open_come_first(self, console: Client) -> None:
        partner = factories.partner()
        old, _ = factories.key(partner)
        new, _ = factories.key(partner)
        new.revoked_at = timezone.now()
        new.save()
        shown = console.get(address(partner)).context["keys"].rows
        assert [key.id for key in shown] == [old.id, new.id]

    @pytest.mark.parametrize(
        ("permission", "heading"),
        [
            ("view_subscription", "subscriptions"),
            ("view_apikey", "keys"),
            ("view_delivery", "recent-title"),
            ("view_recovery", "recoveries"),
            ("view_auditentry", "history"),
        ],
    )
    def test_a_part_is_for_who_may_see_it(
        self, login: Login, permission, heading
    ) -> None:
        partner = traffic.one_of_each()[Partner]
        without = login("view_partner").get(address(partner)).content.decode()
        alone = login("view_partner", permission).get(address(partner)).content.decode()
        assert f'<h2 id="{heading}">' not in without
        assert f'<h2 id="{heading}">' in alone

    def test_it_offers_only_what_may_be_done(self, login: Login) -> None:
        partner = traffic.one_of_each()[Partner]
        viewer = login(
            "view_partner", "view_subscription", "view_apikey", "view_delivery",
            "view_recovery", "view_auditentry",
        )  # fmt: skip
        page = viewer.get(address(partner)).content.decode()
        for act in ("new/", "issue/", "publish/", "explore/", "edit/", "switch/", "revoke/", "rotate/"):  # fmt: skip
            assert f"/{act}" not in page.partition('<div class="staff">')[2]

    @pytest.mark.once
    def test_it_asks_as_often_for_many_rows_as_for_one(self, console: Client) -> None:
        partner = factories.unlimited(factories.partner())
        seen = []
        for more in (1, 9, 90):
            for _ in range(more):
                made = factories.subscription(partner, "blaze")
                traffic.delivery(made)
                fail(made)
                factories.key(partner)
            console.get(address(partner))
            with CaptureQueriesContext(connection) as asked:
                console.get(address(partner))
            seen.append(len(asked))
            assert not any(
                "COUNT(" in q["sql"]
                and "webhooks_delivery" in q["sql"]
                # Those that wait and were sent again have an index of their own.
                and '"redelivery_of" IS NOT NULL' not in q["sql"]
                for q in asked
            )
        assert len(set(seen)) == 1

    def test_a_hostile_name_is_text(self, console: Client) -> None:
        partner = factories.partner(name="<script>alert(1)</script>")
        for page in (LIST, address(partner), address(partner, "switch/"),
                     address(partner, "edit/"), address(partner, "explore/")):  # fmt: skip
            assert "<script>alert" not in console.get(page).content.decode()


LONG_ADDRESS = f"a@{'b' * 60}.{'b' * 60}.{'b' * 60}.{'b' * 60}.{'b' * 5}.com"  # of 255


class TestForms:
    def test_it_creates_one(self, console: Client) -> None:
        given = {"name": " Acme ", "contact_email": "ops@acme.example"}
        made = console.post(f"{LIST}new/", given, follow=True)
        partner = Partner.objects.get()
        assert made.redirect_chain == [(address(partner), 302)]
        assert (partner.name, partner.contact_email) == ("Acme", "ops@acme.example")
        assert "It has no key yet" in made.content.decode()
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.actor_kind) == ("partner.created", "staff")
        assert (entry.actor, entry.ip) == ("boss", "127.0.0.1")

    @pytest.mark.parametrize(
        ("given", "beside"),
        [
            ({"name": ""}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"name": "nul\0"}, "name"),
            ({"name": "Acme"}, "name"),
            ({"name": "New", "contact_email": "nobody"}, "contact_email"),
            ({"name": "New", "contact_email": LONG_ADDRESS}, "contact_email"),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field(
        self, console: Client, given, beside
    ) -> None:
        factories.partner(name="Acme")
        other = factories.partner(name="Other")
        seen = {"seen_name": "Other", "seen_contact_email": ""}
        for page in (f"{LIST}new/", address(other, "edit/")):
            refused = console.post(page, {**given, **seen})
            assert refused.status_code == 422
            assert list(refused.context["form"].errors) == [beside]
        assert set(Partner.objects.values_list("name", flat=True)) == {"Acme", "Other"}

    def test_it_edits_one(self, console: Client) -> None:
        partner = factories.partner(name="Acme", contact_email="a@acme.example")
        form = console.get(address(partner, "edit/")).context["form"]
        given = {**form.initial, "name": "Acme Ltd"}
        saved = console.post(address(partner, "edit/"), given)
        assert saved["Location"] == address(partner)
        partner.refresh_from_db()
        assert (partner.name, partner.contact_email) == ("Acme Ltd", "a@acme.example")
        entry = AuditEntry.objects.latest("id")
        assert (entry.before, entry.after) == ({"name": "Acme"}, {"name": "Acme Ltd"})

    def test_it_loses_nobody_s_change(self, console: Client) -> None:
        partner = factories.partner(name="Acme", contact_email="old@acme.example")
        form = console.get(address(partner, "edit/")).context["form"]
        operations.update(by=SYSTEM, partner=partner, contact_email="new@acme.example")  # fmt: skip
        given = {**form.initial, "name": "Acme Ltd"}
        again = console.post(address(partner, "edit/"), given)
        assert again.status_code == 409
        assert "to “new@acme.example”" in again.content.decode()
        partner.refresh_from_db()
        assert (partner.name, partner.contact_email) == ("Acme", "new@acme.example")
        # What was typed is still there, and is saved by who has seen what stands.
        shown = again.context["form"]
        assert shown["name"].value() == "Acme Ltd"
        console.post(address(partner, "edit/"), shown.data)
        partner.refresh_from_db()
        assert (partner.name, partner.contact_email) == ("Acme Ltd", "old@acme.example")

    def test_the_switch_is_not_the_form_s(self, console: Client) -> None:
        partner = factories.partner(name="Acme")
        form = console.get(address(partner, "edit/")).context["form"]
        operations.update(by=SYSTEM, partner=partner, is_active=False)
        given = {**form.initial, "name": "Acme Ltd", "is_active": "on"}
        console.post(address(partner, "edit/"), given)
        partner.refresh_from_db()
        assert (partner.name, partner.is_active) == ("Acme Ltd", False)


class TestSwitch:
    def test_it_names_the_consequences(self, console: Client) -> None:
        partner = factories.partner()
        subscription = factories.subscription(partner, "blaze")
        factories.key(partner)
        revoked, _ = factories.key(partner)
        revoked.revoked_at = timezone.now()
        revoked.save()
        for _ in range(2):
            traffic.delivery(
                subscription, state="pending", settled_at=None, due_at=timezone.now()
            )
        traffic.delivery(subscription)
        Recovery.objects.create(
            partner=partner, state="running", total=1, actor="x", created_at=timezone.now()
        )  # fmt: skip
        page = console.get(address(partner, "switch/")).content.decode()
        assert "Its one usable key is refused" in page
        assert "whatever its one subscription says" in page
        assert "2 deliveries wait, and are still sent" in page
        assert "The one under way stops" in page
        assert Partner.objects.get().is_active

    def test_much_that_waits_is_only_said_to_be_much(
        self, console: Client, monkeypatch
    ) -> None:
        monkeypatch.setattr(overview, "_COUNTED", 1)
        partner = factories.partner()
        subscription = factories.subscription(partner, "blaze")
        for _ in range(3):
            traffic.delivery(
                subscription, state="pending", settled_at=None, due_at=timezone.now()
            )
        page = console.get(address(partner, "switch/")).content.decode()
        assert "More than 1 deliveries wait" in page

    def test_what_an_inactive_partner_refuses_is_not_offered(
        self, console: Client
    ) -> None:
        for is_active in (True, False):
            partner = factories.partner(is_active=is_active)
            page = console.get(address(partner)).content.decode()
            assert ("Replay failed deliveries" in page) == is_active
            assert ("Explore as this partner" in page) == is_active

    def test_it_switches_off_and_on_again(self, console: Client) -> None:
        partner = factories.partner()
        for to, is_active in (("off", False), ("on", True)):
            page = address(partner, "switch/")
            assert f'name="to" value="{to}"' in console.get(page).content.decode()
            assert console.post(page, {"to": to})["Location"] == address(partner)
            partner.refresh_from_db()
            assert partner.is_active is is_active
            entry = AuditEntry.objects.latest("id")
            assert (entry.actor, entry.after) == ("boss", {"is_active": is_active})

    def test_who_is_late_undoes_nothing(self, console: Client) -> None:
        partner = factories.partner(is_active=False)
        entries = AuditEntry.objects.count()
        late = console.post(address(partner, "switch/"), {"to": "off"}, follow=True)
        assert "was inactive already" in late.content.decode()
        assert AuditEntry.objects.count() == entries

    def test_without_a_word_it_asks_again(self, console: Client) -> None:
        partner = factories.partner()
        asked = console.post(address(partner, "switch/"))
        assert "Until then:" in asked.content.decode()
        assert Partner.objects.get().is_active
