"""What is edited in the admin, people and event types: audited, and refused in words."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from webhooks.models import AuditEntry, EventType
from webhooks.operations import event_types

EVENT_TYPE = "/admin/webhooks/eventtype"


def last_entry() -> AuditEntry:
    entry = AuditEntry.objects.order_by("id").last()
    assert entry is not None
    assert (entry.actor_kind, entry.actor, entry.ip) == ("staff", "boss", "127.0.0.1")
    return entry


@pytest.mark.parametrize(
    ("model", "leads_to"),
    [
        ("partner", "/staff/partners/new/"),
        ("apikey", "/staff/keys/issue/"),
        ("subscription", "/staff/subscriptions/new/"),
    ],
)
def test_the_old_address_that_added_a_row_leads_to_the_console(
    console: Client, model, leads_to
) -> None:
    add = f"/admin/webhooks/{model}/add/"
    assert console.get(add)["Location"] == leads_to
    assert console.get(f"{add}?partner=1")["Location"] == f"{leads_to}?partner=1"


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
            ('{"$ref": "#"}', "{}", "schema"),
            ('{"pattern": "^(?!a)b"}', "{}", "schema"),
            ('{"not":' * 900 + "{}" + "}" * 900, "{}", "schema"),
            ("9" * 5_000, "{}", "schema"),
            ("null", '{"x": [' + "1," * 140_000 + "1]}", "example"),
            ('{"const": "\\u0000"}', '"x"', "schema"),
            ("null", '{"x":' * 900 + "{}" + "}" * 900, "example"),
        ],
    )
    def test_it_says_beside_the_field_what_is_wrong(
        self, console: Client, schema, example, beside
    ) -> None:
        response = self.send(console, "add", name="a.b", schema=schema, example=example)
        assert beside in response.context["adminform"].form.errors

    def test_a_description_has_so_many_characters(self, console: Client) -> None:
        response = self.send(console, "add", name="a.b", description="x" * 2001)
        assert "description" in response.context["adminform"].form.errors
        self.send(console, "add", name="a.b", description="x" * 2000)
        assert EventType.objects.get(name="a.b").description == "x" * 2000

    def test_a_description_that_was_longer_before_stays(self, console: Client) -> None:
        EventType.objects.create(name="a.b", description="x" * 3000)
        self.send(console, "a.b/change", description="x" * 3000, example='{"id": 1}')
        row = EventType.objects.get(name="a.b")
        assert (row.example, len(row.description)) == ({"id": 1}, 3000)

    @pytest.mark.parametrize("example", ["", "null"])
    def test_no_example_is_an_empty_one(self, console: Client, example) -> None:
        self.send(console, "add", name="a.b", example='{"a": 1}')
        was = {"initial-example": '{"a": 1}'}
        self.send(console, "a.b/change", example=example, **was)
        assert EventType.objects.get(name="a.b").example == {}
        self.send(console, "add", name="c.d", example=example)
        assert EventType.objects.get(name="c.d").example == {}

    def test_a_pattern_may_name_characters_by_number(self, console: Client) -> None:
        self.send(console, "add", name="a.b", schema=r'{"pattern": "^[^\\u0000]*$"}')
        assert EventType.objects.filter(name="a.b").exists()

    def test_it_tells_who_was_too_late(self, console: Client, monkeypatch) -> None:
        def gone(**_):
            raise event_types.UnknownType("a.b")

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
