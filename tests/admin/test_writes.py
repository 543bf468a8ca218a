"""Every write of the console: by an operation, audited, explained where it is refused."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from tests import factories
from webhooks.models import (
    ApiKey,
    AuditEntry,
    EventType,
    Partner,
    Subscription,
)
from webhooks.operations import event_types

from . import traffic

PARTNER = "/admin/webhooks/partner"
KEY = "/admin/webhooks/apikey"
SUBSCRIPTION = "/admin/webhooks/subscription"
EVENT_TYPE = "/admin/webhooks/eventtype"


def last_entry() -> AuditEntry:
    entry = AuditEntry.objects.order_by("id").last()
    assert entry is not None
    assert (entry.actor_kind, entry.actor, entry.ip) == ("staff", "boss", "127.0.0.1")
    return entry


class TestPartners:
    def test_adding_one_leads_to_the_console(self, console: Client, login) -> None:
        assert console.get(f"{PARTNER}/add/")["Location"] == "/staff/partners/new/"
        assert login("view_partner").get(f"{PARTNER}/add/").status_code == 403
        assert not Partner.objects.exists()

    def test_a_row_leads_to_its_page_in_the_console(self, console, login) -> None:
        row = factories.partner()
        link = f"{PARTNER}/{row.pk}/console/"
        assert link in console.get(f"{PARTNER}/{row.pk}/change/").content.decode()
        assert console.get(link)["Location"] == f"/staff/partners/{row.pk}/"
        unknown = f"{PARTNER}/00000000-0000-4000-8000-000000000000/console/"
        assert console.get(unknown)["Location"] == f"{PARTNER}/"
        assert login("view_apikey").get(link).status_code == 403

    def test_nothing_of_it_is_changed_here(self, console: Client) -> None:
        row = factories.partner()
        for act in ("change", "delete"):
            answer = console.post(f"{PARTNER}/{row.pk}/{act}/", {"post": "yes"})
            assert answer.status_code == 403


class TestKeys:
    def test_adding_one_leads_to_the_console(self, console: Client, login) -> None:
        assert console.get(f"{KEY}/add/")["Location"] == "/staff/keys/issue/"
        client = login("add_apikey", "view_apikey", "change_apikey")
        assert client.get(f"{KEY}/add/").status_code == 403
        assert not ApiKey.objects.exists()

    def test_a_row_leads_to_its_page_in_the_console(self, console, login) -> None:
        key, _ = factories.key(None)
        link = f"{KEY}/{key.pk}/console/"
        assert link in console.get(f"{KEY}/{key.pk}/change/").content.decode()
        assert console.get(link)["Location"] == f"/staff/keys/{key.pk}/"
        unknown = f"{KEY}/00000000-0000-4000-8000-000000000000/console/"
        assert console.get(unknown)["Location"] == f"{KEY}/"
        assert login("view_partner").get(link).status_code == 403


class TestSubscriptions:
    def test_adding_one_leads_to_the_console(self, console: Client, login) -> None:
        add = f"{SUBSCRIPTION}/add/"
        assert console.get(add)["Location"] == "/staff/subscriptions/new/"
        new = "/staff/subscriptions/new/?partner=1"
        assert console.get(f"{add}?partner=1")["Location"] == new
        assert login("view_subscription").get(add).status_code == 403

    def test_a_row_leads_to_its_page_in_the_console(self, console, login) -> None:
        row = factories.subscription(factories.partner(), "capa", is_singleton=True)
        link = f"{SUBSCRIPTION}/{row.pk}/console/"
        assert link in console.get(f"{SUBSCRIPTION}/{row.pk}/change/").content.decode()
        assert console.get(link)["Location"] == f"/staff/subscriptions/{row.pk}/"
        unknown = f"{SUBSCRIPTION}/00000000-0000-4000-8000-000000000000/console/"
        assert console.get(unknown)["Location"] == f"{SUBSCRIPTION}/"
        assert login("view_partner").get(link).status_code == 403

    def test_nothing_of_it_is_changed_here(self, console: Client) -> None:
        row = factories.subscription(factories.partner(), "capa", is_singleton=True)
        for act in ("change", "delete"):
            answer = console.post(f"{SUBSCRIPTION}/{row.pk}/{act}/", {"post": "yes"})
            assert answer.status_code == 403

    def test_it_names_several_urls_and_none_in_the_list(self, console) -> None:
        partner = factories.partner()
        factories.subscription(partner, "blaze", urls=[])
        factories.subscription(
            partner, "blaze", urls=["https://a.example.com", "https://b.example.com"]
        )
        Subscription.objects.filter(endpoints=None).update(
            disabled_at=timezone.now(), disabled_reason="410"
        )
        html = console.get(f"{SUBSCRIPTION}/").content.decode()
        assert "https://a.example.com and 1 more" in html
        assert "disabled" in html.lower()


class TestEventTypes:
    def send(self, client: Client, page: str, **fields):
        sent = {"description": "", "schema": "null", "example": "{}", **fields}
        return client.post(f"{EVENT_TYPE}/{page}/", sent)

    def test_it_creates_and_changes_a_type(self, console: Client) -> None:
        self.send(console, "add", name="a.b", schema='{"type": "object"}')
        assert last_entry().action == "event_type.created"
        self.send(
            console, "a.b/change", description="Words.", schema='{"type": "object"}'
        )
        made = EventType.objects.get(name="a.b")
        assert (made.description, made.schema) == ("Words.", {"type": "object"})
        assert last_entry().after == {"description": "Words."}

    @pytest.mark.parametrize(
        ("schema", "example", "beside"),
        [
            ("[]", "{}", "schema"),
            ('{"type": "nonsense"}', "{}", "schema"),
            ('{"$ref": "https://elsewhere.example.com/s.json"}', "{}", "schema"),
            ('{"type": "object", "required": ["id"]}', '{"x": 1}', "example"),
            ("{", "{}", "schema"),
        ],
    )
    def test_it_says_beside_the_field_what_is_wrong(
        self, console: Client, schema, example, beside
    ) -> None:
        response = self.send(console, "add", name="a.b", schema=schema, example=example)
        assert beside in response.context["adminform"].form.errors

    def test_it_tells_who_was_too_late(self, console: Client, monkeypatch) -> None:
        def gone(**_):
            raise event_types.Gone("a.b")

        self.send(console, "add", name="a.b")
        monkeypatch.setattr(event_types, "update", gone)
        response = self.send(console, "a.b/change", description="x")
        assert response["Location"] == f"{EVENT_TYPE}/"


class TestPeople:
    def test_it_notes_who_was_made_staff_and_changed_and_removed(self, console) -> None:
        password = "long enough to be taken"
        console.post(
            "/admin/auth/user/add/",
            {
                "username": "ann",
                "usable_password": "true",
                "password1": password,
                "password2": password,
            },
        )
        assert (entry := last_entry()).action == "user.created"
        assert (entry.after or {})["username"] == "ann"
        assert password not in str(list(AuditEntry.objects.values()))
        ann = User.objects.get(username="ann")
        console.post(
            f"/admin/auth/user/{ann.pk}/password/",
            {
                "usable_password": "true",
                "password1": password + "!",
                "password2": password + "!",
            },
        )
        assert last_entry().action == "user.updated"
        console.post(f"/admin/auth/user/{ann.pk}/delete/", {"post": "yes"})
        assert last_entry().action == "user.deleted"

    def test_it_notes_groups(self, console) -> None:
        console.post("/admin/auth/group/add/", {"name": "operators"})
        assert last_entry().after == {"name": "operators", "permissions": []}
        assert Group.objects.exists()

    def test_it_lets_nobody_raise_themselves(self, login) -> None:
        client = login(
            "view_user", "change_user", "delete_user", "change_group", "add_group"
        )
        me = User.objects.get(username__startswith="staff-")
        boss = User.objects.create_superuser("root", password="x")
        client.post(
            f"/admin/auth/user/{me.pk}/change/",
            {"username": me.username, "is_active": "on", "is_superuser": "on",
             "user_permissions": ["1"]},
        )  # fmt: skip
        me.refresh_from_db()
        assert not me.is_superuser
        assert me.user_permissions.count() == 5
        assert (
            client.post(f"/admin/auth/user/{boss.pk}/password/", {}).status_code == 403
        )
        colleague = User.objects.create_user("colleague", is_staff=True)
        as_them = f"/admin/auth/user/{colleague.pk}/password/"
        new = {"password1": "another long phrase", "password2": "another long phrase"}
        assert client.post(as_them, new).status_code == 403
        colleague.refresh_from_db()
        assert not colleague.has_usable_password()
        assert client.post(f"/admin/auth/user/{boss.pk}/delete/", {}).status_code == 403
        assert client.post("/admin/auth/group/add/", {"name": "g"}).status_code == 403


def test_it_shows_what_a_receiver_answered_as_text_and_cut(console: Client) -> None:
    delivery = traffic.delivery()
    traffic.attempt(
        delivery,
        response_body=b"<script>alert(1)</script>\xff\x00" + b"x" * 16_384,
        response_headers=[["X-Evil", "<img src=x onerror=alert(1)>"]],
        request_headers={"X-Odd": "1"},
        error="<b>boom</b>",
    )
    for shape in ({"a": "b"}, "odd", 7):
        traffic.attempt(delivery, response_headers=shape)
    html = console.get(
        f"/admin/webhooks/delivery/{delivery.pk}/change/"
    ).content.decode()
    assert "<script>alert" not in html
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt;\N{REPLACEMENT CHARACTER}\\u0000" in html
    )
    assert "<img src=x" not in html
    assert "<b>boom" not in html
    assert "… 27 more characters" in html


def test_it_names_what_turns_a_line_in_a_response(console: Client) -> None:
    delivery = traffic.delivery()
    attempt = traffic.attempt(
        delivery,
        response_body=b"abc\xe2\x80\xaedcba",
        response_headers=[["X-Odd", "abc\u202edcba"]],
        request_headers={"X-Odd": "abc\u202edcba"},
        request_body="abc\u202edcba".encode(),
    )
    for row in (delivery, attempt):
        page = f"/admin/webhooks/{row._meta.model_name}/{row.pk}/change/"
        html = console.get(page).content.decode()
        assert html.count(r"abc\u202edcba") == 4
        assert "\u202e" not in html
