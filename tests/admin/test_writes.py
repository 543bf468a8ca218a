"""Every write of the console: by an operation, audited, explained where it is refused."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from tests import factories
from webhooks.delivery import wire
from webhooks.models import (
    ApiKey,
    AuditEntry,
    Endpoint,
    EventType,
    Partner,
    Subscription,
)
from webhooks.operations import event_types, keys, partners, subscriptions
from webhooks.operations.audit import Actor

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


def inlines(*prefixes: str) -> dict[str, str]:
    return {
        f"{prefix}-{name}": "0"
        for prefix in prefixes
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }


@pytest.fixture
def disable():
    """Disables an endpoint as a worker does, and with `whole` its subscription."""

    def disable(subscription: Subscription, *, whole: bool = True) -> Endpoint:
        now, endpoint = timezone.now(), subscription.endpoints.order_by("position")[0]
        Endpoint.objects.filter(pk=endpoint.pk).update(
            disabled_at=now, disabled_reason="gone for good", failing_since=now,
            consecutive_failures=9, trips=3, open_until=now + timedelta(hours=1),
        )  # fmt: skip
        if whole:
            Subscription.objects.filter(pk=subscription.pk).update(
                disabled_at=now, disabled_reason="gone for good"
            )
        endpoint.refresh_from_db()
        return endpoint

    return disable


class TestPartners:
    inlines = inlines("subscriptions", "keys")

    def test_it_creates_a_partner(self, console: Client) -> None:
        response = console.post(
            f"{PARTNER}/add/", {"name": "Acme", "contact_email": ""}
        )
        assert response.status_code == 302
        assert Partner.objects.get().name == "Acme"
        assert last_entry().action == "partner.created"

    def test_it_switches_a_partner_off_and_says_what_it_was(
        self, console: Client
    ) -> None:
        partner = factories.partner(name="Acme")
        console.post(
            f"{PARTNER}/{partner.pk}/change/",
            {"name": "Acme", "contact_email": "a@example.com", **self.inlines},
        )
        entry = last_entry()
        assert entry.before == {"is_active": True, "contact_email": ""}
        assert entry.after == {"is_active": False, "contact_email": "a@example.com"}

    def test_it_says_beside_the_field_that_a_name_is_taken(
        self, console: Client
    ) -> None:
        factories.partner(name="Acme")
        response = console.post(f"{PARTNER}/add/", {"name": "Acme"})
        assert "name" in response.context["adminform"].form.errors
        assert Partner.objects.count() == 1

    def test_it_tells_who_was_too_late(self, console: Client, monkeypatch) -> None:
        def taken(**_):
            raise partners.NameTaken("Acme")

        monkeypatch.setattr(partners, "create", taken)
        response = console.post(f"{PARTNER}/add/", {"name": "Acme"}, follow=True)
        assert "Somebody else changed this" in response.content.decode()


class TestKeys:
    def wanted(self, **fields):
        return {
            "kind": "partner",
            "key_id": "7b0f6d8e-6a5b-4d0c-9a63-0d3c5a1d7e11",
            **fields,
        }

    def issue(self, client: Client, **fields):
        return client.post(f"{KEY}/add/", self.wanted(**fields))

    def test_it_shows_the_text_in_the_answer_and_keeps_it_nowhere(
        self, console: Client, caplog
    ) -> None:
        partner = factories.partner()
        response = self.issue(
            console, partner=partner.pk, scopes=["webhooks:read"], shops="s1, s2"
        )
        text = response.context["text"]
        assert response.status_code == 200
        assert text in response.content.decode()
        assert "no-store" in response["Cache-Control"]
        key = ApiKey.objects.get()
        assert key.scopes == ["webhooks:read", "shop:s1", "shop:s2"]
        assert last_entry().action == "key.issued"
        kept = [
            str(dict(console.session)),
            str(list(LogEntry.objects.values())),
            str(list(AuditEntry.objects.values())),
            str(ApiKey.objects.values().get()),
            caplog.text,
            console.get(f"{KEY}/{key.pk}/change/").content.decode(),
        ]
        assert not any(text in place for place in kept)

    def test_it_asks_for_the_form_to_be_kept_by_nobody(self, console: Client) -> None:
        assert "no-store" in console.get(f"{KEY}/add/")["Cache-Control"]

    def test_it_issues_one_key_for_one_form(self, console: Client) -> None:
        partner = factories.partner()
        self.issue(console, partner=partner.pk)
        again = self.issue(console, partner=partner.pk)
        assert again["Location"] == f"{KEY}/"
        assert ApiKey.objects.count() == 1

    def test_it_issues_a_publisher_s_key(self, console: Client) -> None:
        self.issue(console, kind="publisher", scopes=["events:publish"])
        key = ApiKey.objects.get()
        assert (key.kind, key.partner) == ("publisher", None)

    @pytest.mark.parametrize(
        ("fields", "beside"),
        [
            ({}, "partner"),
            ({"partner": "00000000-0000-4000-8000-000000000000"}, "partner"),
            ({"kind": "publisher", "shops": "s1"}, "scopes"),
            ({"kind": "publisher", "scopes": ["webhooks:read"]}, "scopes"),
            ({"kind": "neither"}, "kind"),
            ({"expires_at": "2020-01-01T00:00"}, "expires_at"),
            ({"expires_at": "soon"}, "expires_at"),
            ({"key_id": "x"}, "key_id"),
        ],
    )
    def test_it_says_beside_the_field_what_is_wrong(
        self, console: Client, fields, beside
    ) -> None:
        response = self.issue(console, **fields)
        assert beside in response.context["form"].errors
        assert not ApiKey.objects.exists()

    def test_it_gives_a_publisher_s_key_to_no_partner(self, console: Client) -> None:
        response = self.issue(console, kind="publisher", partner=factories.partner().pk)
        assert "partner" in response.context["form"].errors

    def test_it_lets_a_key_expire(self, console: Client) -> None:
        moment = (timezone.now() + timedelta(days=3)).replace(second=0, microsecond=0)
        self.issue(
            console,
            partner=factories.partner().pk,
            expires_at=f"{moment:%Y-%m-%dT%H:%M}",
        )
        assert ApiKey.objects.get().expires_at == moment

    def test_it_needs_the_permission_to_issue(self, login) -> None:
        client = login("add_apikey", "view_apikey", "change_apikey")
        assert client.get(f"{KEY}/add/").status_code == 403
        assert self.issue(client, partner=factories.partner().pk).status_code == 403
        assert login("issue_key").get(f"{KEY}/add/").status_code == 200

    def test_it_leads_from_the_partner_to_the_form(self, console: Client) -> None:
        partner = factories.partner()
        response = console.get(f"{PARTNER}/{partner.pk}/issue-key/")
        assert response["Location"] == f"{KEY}/add/?partner={partner.pk}"

    def test_it_grants_every_scope_that_there_is(self, console: Client) -> None:
        scopes = [keys.READ, keys.WRITE, keys.REVEAL, keys.MANAGE]
        self.issue(console, partner=factories.partner().pk, scopes=scopes)
        assert ApiKey.objects.get().scopes == scopes

    def test_it_names_what_hangs_on_a_key_and_revokes_it(self, console: Client) -> None:
        partner = factories.partner()
        key, _ = factories.key(partner)
        factories.subscription(partner, "topiic", api_key=key)
        asked = console.get(f"{KEY}/{key.pk}/revoke/").content.decode()
        assert "the topiic settings" in asked
        assert "cannot use its API" in asked
        assert ApiKey.objects.get().revoked_at is None
        console.post(f"{KEY}/{key.pk}/revoke/")
        assert ApiKey.objects.get().is_revoked
        assert last_entry().action == "key.revoked"
        assert (
            "Nothing is left to do"
            in console.get(f"{KEY}/{key.pk}/revoke/").content.decode()
        )

    def test_it_warns_before_the_last_publisher_s_key_goes(
        self, console: Client
    ) -> None:
        key, _ = factories.key(None)
        assert (
            b"no events can be published"
            in console.get(f"{KEY}/{key.pk}/revoke/").content
        )
        factories.key(None)
        assert b"no events can be" not in console.get(f"{KEY}/{key.pk}/revoke/").content

    def test_it_needs_the_permission_to_revoke(self, login) -> None:
        key, _ = factories.key(None)
        client = login("view_apikey", "change_apikey", "delete_apikey")
        assert client.post(f"{KEY}/{key.pk}/revoke/").status_code == 403
        assert b"/revoke/" not in client.get(f"{KEY}/{key.pk}/change/").content

    def test_it_knows_no_key_of_another_id(self, console: Client) -> None:
        response = console.post(f"{KEY}/00000000-0000-4000-8000-000000000000/revoke/")
        assert response["Location"] == f"{KEY}/"

    def test_it_tells_the_states_of_keys_apart(self, console: Client) -> None:
        off = factories.partner()
        factories.key(off)
        partners.update(
            by=Actor.of_staff(user_id=1, username="x"),
            partner=off, now=timezone.now(), is_active=False,
        )  # fmt: skip
        factories.key(None)
        ago = timezone.now() - timedelta(days=1)
        factories.key(None, expires_at=ago)
        revoked, _ = factories.key(None)
        ApiKey.objects.filter(pk=revoked.pk).update(revoked_at=ago)
        html = console.get(f"{KEY}/").content.decode().lower()
        for state in ("partner off", "usable", "expired", "revoked"):
            assert state in html


class TestSubscriptions:
    inlines = inlines("endpoints", "secrets")

    def change(self, client: Client, subscription: Subscription, **fields):
        sent = {
            "name": subscription.name,
            "urls": "\n".join(subscription.urls),
            "events": subscription.events or [],
            "is_active": "on" if subscription.is_active else "",
            **fields,
        }
        address = f"{SUBSCRIPTION}/{subscription.pk}/change/"
        return client.post(address, {**sent, **self.inlines})

    @pytest.fixture
    def subscription(self, db) -> Subscription:
        return factories.subscription(
            factories.partner(), "partnero", events=["customer.created", "of.their.own"]
        )

    def test_it_changes_urls_events_name_and_state(self, console, subscription) -> None:
        response = self.change(
            console,
            subscription,
            urls="https://a.example.com/1\r\n\r\n https://a.example.com/2 \nhttps://a.example.com/1",
            events=["customer.updated"],
            name="Renamed",
            is_active="",
        )
        assert response.status_code == 302
        now = Subscription.objects.get()
        assert now.urls == ["https://a.example.com/1", "https://a.example.com/2"]
        assert (now.name, now.events, now.is_active) == (
            "Renamed",
            ["customer.updated"],
            False,
        )
        assert last_entry().action == "subscription.updated"

    def test_it_leaves_what_was_not_touched(self, console) -> None:
        subscription = factories.subscription(
            factories.partner(), "partnero", events=None
        )
        self.change(console, subscription, name="Renamed")
        assert Subscription.objects.get().events is None
        assert set(last_entry().after or ()) == {"name"}

    def test_it_offers_the_events_of_the_dialect_and_those_already_listed(
        self, console, subscription
    ) -> None:
        html = console.get(f"{SUBSCRIPTION}/{subscription.pk}/change/").content.decode()
        assert 'value="customer.updated"' in html
        assert 'value="of.their.own"' in html

    def test_it_offers_every_event_type_to_a_profile_that_passes_them_on(
        self, console
    ) -> None:
        name = next(p.name for p in wire.profiles().values() if p.passes_unknown)
        EventType.objects.create(name="ours.alone")
        subscription = factories.subscription(
            factories.partner(), "portal", profile=name, events=None
        )
        html = console.get(f"{SUBSCRIPTION}/{subscription.pk}/change/").content.decode()
        assert 'value="ours.alone"' in html

    def test_it_offers_what_is_listed_where_the_profile_is_unknown(
        self, console
    ) -> None:
        subscription = factories.subscription(
            factories.partner(), "gone", profile="gone", events=["x.y"]
        )
        html = console.get(f"{SUBSCRIPTION}/{subscription.pk}/change/").content.decode()
        assert 'value="x.y"' in html

    @pytest.mark.parametrize(
        ("urls", "words"),
        [
            ("https://127.0.0.1.nip.io\nnot a url", "not a url: "),
            ("http://169.254.169.254/", "http://169.254.169.254/: "),
            ("\n".join(f"https://a.example.com/{n}" for n in range(21)), "at most 20"),
        ],
    )
    def test_it_says_beside_the_field_why_a_url_is_refused(
        self, console, subscription, urls, words
    ) -> None:
        response = self.change(console, subscription, urls=urls)
        errors = response.context["adminform"].form.errors["urls"]
        assert any(words in error for error in errors)
        assert Subscription.objects.get().urls == ["https://receiver.example.com/hook"]

    def test_it_enables_what_the_portal_disabled(
        self, console, subscription, disable
    ) -> None:
        address = f"{SUBSCRIPTION}/{subscription.pk}"
        assert "/enable/" not in console.get(f"{address}/change/").content.decode()
        endpoint = disable(subscription)
        assert "/enable/" in console.get(f"{address}/change/").content.decode()

        asked = console.get(f"{address}/enable/").content.decode()
        assert endpoint.url in asked
        assert "gone for good" in asked
        endpoint.refresh_from_db()
        assert endpoint.disabled_at is not None

        console.post(f"{address}/enable/")
        endpoint.refresh_from_db()
        subscription.refresh_from_db()
        assert (subscription.disabled_at, subscription.disabled_reason) == (None, "")
        assert (endpoint.disabled_at, endpoint.open_until) == (None, None)
        assert (endpoint.trips, endpoint.consecutive_failures) == (0, 0)
        assert endpoint.next_due_at is not None, "claims look at it"
        entry = last_entry()
        assert entry.action == "subscription.updated"
        assert entry.before == {"disabled_reason": "gone for good"}

    def test_it_enables_one_endpoint_of_a_subscription_that_is_on(
        self, console, disable
    ) -> None:
        made = factories.subscription(
            factories.partner(), "blaze",
            urls=["https://a.example.com/", "https://b.example.com/"],
        )  # fmt: skip
        endpoint = disable(made, whole=False)
        console.post(f"{SUBSCRIPTION}/{made.pk}/enable/")
        endpoint.refresh_from_db()
        assert endpoint.disabled_at is None

    def test_it_switches_nothing_on_that_its_owner_switched_off(
        self, console, subscription, disable
    ) -> None:
        endpoint = disable(subscription)
        Subscription.objects.update(is_active=False)
        address = f"{SUBSCRIPTION}/{subscription.pk}"
        assert "/enable/" not in console.get(f"{address}/change/").content.decode()
        console.post(f"{address}/enable/")
        endpoint.refresh_from_db()
        assert endpoint.disabled_at is not None
        assert not Subscription.objects.get().is_active

    def test_it_needs_the_permission_to_enable(
        self, login, subscription, disable
    ) -> None:
        disable(subscription)
        client = login("view_subscription")
        address = f"{SUBSCRIPTION}/{subscription.pk}"
        assert client.post(f"{address}/enable/").status_code == 403
        assert b"/enable/" not in client.get(f"{address}/change/").content
        assert Subscription.objects.get().disabled_at is not None

    def test_it_enables_nothing_that_is_gone(
        self, console, subscription, disable, monkeypatch
    ) -> None:
        nobody = f"{SUBSCRIPTION}/00000000-0000-4000-8000-000000000000/enable/"
        assert console.post(nobody)["Location"] == f"{SUBSCRIPTION}/"
        disable(subscription)

        def gone(**_):
            raise subscriptions.Gone

        monkeypatch.setattr(subscriptions, "update", gone)
        answer = console.post(f"{SUBSCRIPTION}/{subscription.pk}/enable/", follow=True)
        assert "Somebody else changed this" in answer.content.decode()

    def test_it_deletes_by_the_operation_and_keeps_the_history(
        self, console, subscription
    ) -> None:
        delivery = traffic.delivery(subscription)
        address = f"{SUBSCRIPTION}/{subscription.pk}/delete/"
        assert b"cannot be undone" in console.get(address).content
        console.post(address, {"post": "yes"})
        assert Subscription.objects.get().deleted_at is not None
        assert type(delivery).objects.filter(pk=delivery.pk).exists()
        assert last_entry().action == "subscription.deleted"
        shown = console.get(f"{SUBSCRIPTION}/{subscription.pk}/change/")
        assert shown.status_code == 200
        assert self.change(console, subscription).status_code == 403

    @pytest.mark.parametrize("act", ["update", "delete"])
    def test_it_tells_who_was_too_late(
        self, console, subscription, act, monkeypatch
    ) -> None:
        def gone(**_):
            raise subscriptions.Gone(subscription.pk)

        monkeypatch.setattr(subscriptions, act, gone)
        if act == "update":
            response = self.change(console, subscription, name="x")
        else:
            response = console.post(
                f"{SUBSCRIPTION}/{subscription.pk}/delete/", {"post": "yes"}
            )
        assert response["Location"] == f"{SUBSCRIPTION}/"

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
        assert client.post(f"/admin/auth/user/{boss.pk}/delete/", {}).status_code == 403
        assert client.post("/admin/auth/group/add/", {"name": "g"}).status_code == 403


def test_it_shows_what_a_receiver_answered_as_text_and_cut(console: Client) -> None:
    delivery = traffic.delivery()
    traffic.attempt(
        delivery,
        response_body=b"<script>alert(1)</script>\xff\x00" + b"x" * 16_000,
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
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\N{REPLACEMENT CHARACTER}" in html
    assert "<img src=x" not in html
    assert "<b>boom" not in html
    assert "(16027 characters)" in html
