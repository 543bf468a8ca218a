"""Subscriptions made and edited through the console, in every dialect."""

import json
import re
import time
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from tests.dialects.forms import OTHER, SLUGS, URL, Caller, case, typed
from webhooks.delivery import wire
from webhooks.models import ApiKey, AuditEntry, Endpoint, EventType, Subscription
from webhooks.operations import keys, subscriptions
from webhooks.operations.audit import SYSTEM
from webhooks.operations.given_secrets import MASK
from webhooks.rest import interfaces
from webhooks.staff.subscriptions import overview

from .conftest import Login


def browser_sends(page: Any) -> dict[str, Any]:
    """The page's form as a browser sends it that nobody has typed into."""
    form = page.context["form"]
    sent = dict(typed(form, form.initial).lists())
    seen = {"seen": page.context["seen"]} if "seen" in page.context else {}
    return {**sent, **seen}


def posted(slug: str, partner: Any, **fields: Any) -> dict[str, Any]:
    """What a browser sends of a dialect's form that is filled in."""
    key = ApiKey.objects.filter(partner=partner).first()
    caller = Caller(partner, key)
    form = case(slug).form(partner)
    values = case(slug).fill(caller)
    sent = dict(typed(form, values).lists())
    return {**sent, **fields}


def new(slug: str, partner: Any) -> str:
    return f"/staff/subscriptions/new/?partner={partner.id}&dialect={slug}"


def make(console: Client, slug: str, **fields: Any) -> Subscription:
    partner = factories.partner()
    response = console.post(new(slug, partner), posted(slug, partner, **fields))
    assert response.status_code == 302, response.context["form"].errors
    return Subscription.objects.get(partner=partner)


def edit(console: Client, row: Subscription, **fields: Any) -> Any:
    address = f"/staff/subscriptions/{row.id}/edit/"
    sent = {**browser_sends(console.get(address)), **fields}
    return console.post(
        address, {name: value for name, value in sent.items() if value is not None}
    )


@pytest.mark.parametrize("slug", SLUGS)
class TestEveryDialect:
    def test_one_is_created_and_led_to(self, console: Client, slug) -> None:
        row = make(console, slug, max_in_flight="3", is_ordered="on")
        assert row.dialect == slug
        assert URL in row.urls
        assert (row.max_in_flight, row.rate_per_minute, row.is_ordered) == (3, None, True)  # fmt: skip
        entry = AuditEntry.objects.get(target_id=str(row.id))
        assert (entry.action, entry.actor) == ("subscription.created", "boss")

    def test_the_message_says_where_the_secret_is(self, console: Client, slug) -> None:
        partner = factories.partner()
        response = console.post(new(slug, partner), posted(slug, partner))
        row = Subscription.objects.get(partner=partner)
        assert response["Location"] == f"/staff/subscriptions/{row.id}/"
        (message,) = [str(m) for m in response.wsgi_request._messages]  # type: ignore[attr-defined]
        is_signed = wire.profile(row.profile).new_secret is not None
        assert ("no secret" in message) != is_signed
        for secret in row.live_secrets(timezone.now()):
            assert secret not in message

    def test_a_form_that_nobody_touched_changes_nothing(
        self, console: Client, slug
    ) -> None:
        row = make(console, slug)
        before = Subscription.objects.filter(id=row.id).values().get()
        assert edit(console, row).status_code == 302
        assert Subscription.objects.filter(id=row.id).values().get() == before

    def test_an_edit_is_seen_by_the_partner(self, console: Client, slug) -> None:
        row = make(console, slug)
        assert edit(console, row, **{case(slug).url: f"{OTHER}/new"}).status_code == 302
        seen = overview.api_preview(
            Subscription.objects.get(id=row.id), now=timezone.now()
        )
        assert seen is not None
        assert f"{OTHER}/new" in seen.json
        entry = AuditEntry.objects.filter(target_id=str(row.id)).latest("id")
        assert (entry.action, entry.actor) == ("subscription.updated", "boss")

    def test_what_is_refused_stands_beside_its_field(
        self, console: Client, slug
    ) -> None:
        name = case(slug).url
        bad = {name: "https://10.0.0.1/<script>", "max_in_flight": "0"}
        partner = factories.partner()
        page = console.post(new(slug, partner), posted(slug, partner, **bad))
        assert page.status_code == 422
        assert {name, "max_in_flight"} == set(page.context["form"].errors)
        assert "10.0.0.1/&lt;script&gt;" in page.content.decode()
        assert not Subscription.objects.exists()
        row = make(console, slug)
        page = edit(console, row, **bad)
        assert page.status_code == 422
        assert {name, "max_in_flight"} == set(page.context["form"].errors)
        assert page.context["seen"] == row.updated_at.isoformat()

    def test_what_somebody_else_changed_is_not_overwritten(
        self, console: Client, slug
    ) -> None:
        row = make(console, slug)
        address = f"/staff/subscriptions/{row.id}/edit/"
        opened = browser_sends(console.get(address))
        subscriptions.update(by=SYSTEM, subscription=row, change={"max_in_flight": 7})
        page = console.post(address, {**opened, "max_in_flight": "5"})
        assert page.status_code == 409
        row.refresh_from_db()
        assert row.max_in_flight == 7
        content = page.content.decode()
        assert "Somebody else changed this subscription" in content
        assert "It is now: <strong>7</strong>" in content
        assert "by <strong>system</strong>" in content
        assert 'value="5"' in content
        # Saved again from there, it is meant.
        assert edit(console, row, max_in_flight="5").status_code == 302
        row.refresh_from_db()
        assert row.max_in_flight == 5

    def test_its_form_makes_as_many_queries_however_many_there_are(
        self, console: Client, slug, django_assert_num_queries
    ) -> None:
        row = make(console, slug)
        address = f"/staff/subscriptions/{row.id}/edit/"
        console.get(address)
        with django_assert_num_queries(12, exact=False):
            console.get(address)


@pytest.mark.parametrize("slug", SLUGS)
def test_what_it_shows_is_what_curl_gets(console: Client, slug) -> None:
    row = make(console, slug)
    curl = Caller(row.partner)
    # The answer of some names the calling key: staff see the partner's oldest one.
    long_ago = curl.key.created_at - timedelta(days=1)
    ApiKey.objects.filter(id=curl.key.id).update(created_at=long_ago)
    for fields in ({}, {case(slug).url: f"{OTHER}/new", "max_in_flight": "2"}):
        if fields:
            assert edit(console, row, **fields).status_code == 302
        answer = case(slug).ask(curl, Subscription.objects.get(id=row.id))
        row = Subscription.objects.get(id=row.id)
        seen = overview.api_preview(row, now=timezone.now())
        assert seen is not None
        assert unmasked(json.loads(seen.json), answer.json()) == answer.json()
        assert seen.masked == case(slug).shows_secrets


def unmasked(shown: Any, answer: Any) -> Any:
    """With what the answer has in the place of each mask."""
    if shown == MASK:
        return answer
    if isinstance(shown, dict):
        return {name: unmasked(shown[name], answer[name]) for name in shown}
    if isinstance(shown, list):
        return [unmasked(*pair) for pair in zip(shown, answer, strict=True)]
    return shown


class TestChoosing:
    def test_it_asks_for_partner_and_dialect(self, console: Client) -> None:
        page = console.get("/staff/subscriptions/new/").content.decode()
        for interface in interfaces.all():
            assert f'<option value="{interface.slug}"' in page
        assert 'name="webHookUrls"' not in page

    def test_a_partner_in_the_address_is_filled_in(self, console: Client) -> None:
        partner = factories.partner(name="Acme <b>")
        page = console.get(f"/staff/subscriptions/new/?partner={partner.id}")
        assert page.status_code == 200
        assert str(partner.id) in page.content.decode()

    @pytest.mark.parametrize("query", ["partner=nobody&dialect=capa", "dialect=capa", "partner=&dialect=unknown"])  # fmt: skip
    def test_what_is_wrong_stands_beside(self, console: Client, query) -> None:
        address = f"/staff/subscriptions/new/?{query}"
        page = console.get(address)
        assert page.status_code == 422
        assert page.context["form"].errors
        assert console.post(address).status_code == 422

    def test_capas_settings_are_there_once(self, console: Client) -> None:
        row = make(console, "capa")
        content = console.get(new("capa", row.partner)).content.decode()
        assert f"/staff/subscriptions/{row.id}/edit/" in content
        assert 'name="url"' not in content
        page = console.post(new("capa", row.partner), posted("capa", row.partner))
        assert page.status_code == 422

    def test_without_a_free_key_topiic_says_what_to_do(self, console: Client) -> None:
        partner = factories.partner()
        page = console.get(new("topiic", partner)).content.decode()
        assert f"/staff/keys/issue/?partner={partner.id}" in page
        assert "has no key that can be used" in page
        assert "Look at its settings" not in page  # there are none

    def test_with_settings_on_every_key_topiic_leads_to_them(
        self, console: Client
    ) -> None:
        partner = factories.partner()
        key, _ = factories.key(partner)
        factories.subscription(partner, "topiic", api_key=key)
        page = console.get(new("topiic", partner)).content.decode()
        assert "has its settings already" in page
        assert f"/staff/subscriptions/?partner={partner.id}&amp;dialect=topiic" in page


class TestEvents:
    def test_they_are_described_and_grouped_where_they_are_many(
        self, console: Client
    ) -> None:
        page = console.get(new("partnero", factories.partner())).content.decode()
        assert "<summary>customer " in page
        assert "A customer signed up." in unescape(page)
        page = console.get(new("nursa", factories.partner())).content.decode()
        assert "<summary>facility" not in page

    def test_the_order_of_their_owner_stays(self, console: Client) -> None:
        row = make(console, "partnero")
        listed = ["reward.paid", "partner.created", "reward.paid"]
        Subscription.objects.filter(id=row.id).update(events=listed)
        edit(console, row, max_in_flight="2")
        row.refresh_from_db()
        assert row.events == listed
        edit(console, row, events=["partner.created", "partner.updated", "reward.paid"])
        row.refresh_from_db()
        assert row.events == [*listed, "partner.updated"]

    def test_names_that_no_line_can_hold_survive_an_edit(self, console: Client) -> None:
        row = make(console, "topiic")
        listed = [" x ", "", "a\nb", "payment.failed"]
        Subscription.objects.filter(id=row.id).update(events=listed)
        edit(console, row, max_in_flight="2")
        row.refresh_from_db()
        assert row.events == listed

    def test_twenty_thousand_names_are_edited_in_no_time(self, console: Client) -> None:
        row = make(console, "topiic")
        listed = [f"order.created.v{number}" for number in range(20_000)]
        Subscription.objects.filter(id=row.id).update(events=listed)
        began = time.process_time()
        edit(console, row, max_in_flight="2")
        assert time.process_time() - began < 8  # the square of them took twenty seconds
        row.refresh_from_db()
        assert row.events == listed
        assert row.max_in_flight == 2

    def test_none_was_given_and_none_is_stays_null(self, console: Client) -> None:
        row = make(console, "topiic")
        Subscription.objects.filter(id=row.id).update(events=None)
        edit(console, row, webhookUrl=OTHER)
        row.refresh_from_db()
        assert row.events is None

    def test_every_event_is_a_choice_of_its_own(self, console: Client) -> None:
        row = make(console, "portal", events=[], **{"events-scope": "every"})
        assert row.events is None
        assert edit(console, row, **{"events-scope": "only"}).status_code == 302
        row.refresh_from_db()
        assert row.events == []

    @pytest.mark.parametrize("slug", ["portal", "nursa"])
    def test_every_event_and_only_these_contradict_each_other(
        self, console: Client, slug
    ) -> None:
        row = make(console, slug)
        (name,) = row.events or []
        fields = {"events-scope": "every", "events": [name]}
        partner = factories.partner()
        refused = console.post(new(slug, partner), posted(slug, partner, **fields))
        for page in (refused, edit(console, row, **fields)):
            assert page.status_code == 422
            (error,) = page.context["form"].errors["events"]
            assert "either every event or only these" in error
        row.refresh_from_db()
        assert row.events == [name]
        assert Subscription.objects.count() == 1

    def test_one_of_the_two_has_to_be_chosen(self, console: Client) -> None:
        partner = factories.partner()
        sent = posted("portal", partner, **{"events-scope": "both"})
        page = console.post(new("portal", partner), sent)
        assert set(page.context["form"].errors) == {"events"}

    def test_no_event_is_ticked_while_every_event_is_chosen(
        self, console: Client
    ) -> None:
        page = console.get(new("portal", factories.partner())).content.decode()
        assert 'value="every" id="id_events_every" data-scope checked' in page
        assert 'name="events" value="order.created"' in page
        assert not re.search(r'name="events"[^>]*checked', page)

    def test_three_hundred_names_are_folded(self, console: Client) -> None:
        EventType.objects.bulk_create(
            EventType(name=f"family{number % 20}.event{number}")
            for number in range(300)
        )
        row = make(console, "portal", events=["family7.event7"])
        page = console.get(f"/staff/subscriptions/{row.id}/edit/").content.decode()
        assert page.count("<details>") > 19
        assert page.count("<details open>") == 1
        assert "family7 " in page.split("<details open>")[1][:60]
        assert "data-find" in page

    def test_a_null_character_is_refused(self, console: Client) -> None:
        partner = factories.partner()
        sent = posted("portal", partner, **{"events-others": "a\0b"})
        page = console.post(new("portal", partner), sent)
        assert page.status_code == 422
        assert set(page.context["form"].errors) == {"events"}
        row = make(console, "topiic")
        page = edit(console, row, **{"webhookEvents-others": "a\0b"})
        assert page.status_code == 422

    def test_descriptions_and_names_are_hostile(self, console: Client) -> None:
        EventType.objects.create(name="<i>x", description="<script>alert(1)</script>")
        page = console.get(new("portal", factories.partner())).content.decode()
        assert "&lt;i&gt;x" in page
        for markup in ("<i>x", "<script>alert"):
            assert markup not in page


class TestEditing:
    def test_a_name_of_two_lines_survives_an_edit(self, console: Client) -> None:
        row = make(console, "portal")
        Subscription.objects.filter(id=row.id).update(name="a\nb ")
        edit(console, row, max_in_flight="2")
        row.refresh_from_db()
        assert row.name == "a\nb "

    def test_what_no_dialect_says_is_the_portals_own(self, console: Client) -> None:
        row = make(console, "capa")
        edit(console, row, name="Main", is_active=None)
        row.refresh_from_db()
        assert (row.name, row.is_active) == ("Main", False)

    def test_a_new_url_says_what_it_means_for_what_is_queued(
        self, console: Client
    ) -> None:
        row = make(console, "capa")
        page = console.get(f"/staff/subscriptions/{row.id}/edit/").content.decode()
        assert "still go to the URL they were queued to" in page
        response = edit(console, row, url=OTHER)
        (message,) = [str(m) for m in response.wsgi_request._messages]
        assert "still go to the URL they were queued to" in message
        assert Endpoint.objects.live().get().url == OTHER

    def test_it_is_not_switched_on_for_a_revoked_key(self, console: Client) -> None:
        partner = factories.partner()
        key, _ = factories.key(partner)
        row = factories.subscription(partner, "topiic", api_key=key, events=[])
        Endpoint.objects.update(disabled_at=timezone.now(), disabled_reason="Test")
        keys.revoke(by=SYSTEM, key=key)
        refused = edit(console, row, webhookEnabled="on")
        assert refused.status_code == 422
        assert "Its key was revoked" in refused.content.decode()
        enabled = console.post(f"/staff/subscriptions/{row.id}/enable/", follow=True)
        assert "Nothing of it is disabled" in enabled.content.decode()
        row.refresh_from_db()
        assert not row.is_active

    def test_a_form_that_says_not_what_it_saw_is_refused(self, console: Client) -> None:
        row = make(console, "capa")
        for seen in (None, "nonsense", "2026-01-01T00:00:00"):
            assert edit(console, row, seen=seen, url=OTHER).status_code == 409

    def test_who_is_overtaken_in_the_last_moment_is_told(
        self, console: Client, monkeypatch
    ) -> None:
        row = make(console, "capa")

        def overtaken(*args: Any, **kwargs: Any) -> None:
            raise subscriptions.Overtaken

        monkeypatch.setattr(subscriptions, "update", overtaken)
        assert edit(console, row, url=OTHER).status_code == 409

    def test_what_is_deleted_or_of_no_dialect_is_not_found(
        self, console: Client, monkeypatch
    ) -> None:
        row = make(console, "capa")
        address = f"/staff/subscriptions/{row.id}/edit/"
        sent = {**browser_sends(console.get(address)), "url": OTHER}

        def gone(*args: Any, **kwargs: Any) -> None:
            raise subscriptions.Deleted

        with monkeypatch.context() as patch:
            patch.setattr(subscriptions, "update", gone)
            assert console.post(address, sent).status_code == 404
        Subscription.objects.update(dialect="ancient")
        assert console.get(address).status_code == 404
        Subscription.objects.update(dialect="capa", deleted_at=timezone.now())
        assert console.get(address).status_code == 404

    def test_secrets_are_given_to_a_new_one_and_never_shown(
        self, console: Client
    ) -> None:
        row = make(console, "nursa", secrets="one-secret\r\ntwo")
        assert row.live_secrets(timezone.now()) == ["one-secret", "two"]
        page = console.get(f"/staff/subscriptions/{row.id}/edit/").content.decode()
        assert "one-secret" not in page
        assert 'name="secrets"' not in page


class TestShown:
    def test_what_nobody_is_shown_is_none(self, console: Client) -> None:
        row = make(console, "capa")
        row.deleted_at = timezone.now()
        assert overview.api_preview(row, now=timezone.now()) is None
        row.deleted_at, row.dialect = None, "ancient"
        assert overview.api_preview(row, now=timezone.now()) is None

    def test_a_secret_that_no_key_opens_is_said(self, console: Client) -> None:
        row = make(console, "partnero")
        row.secrets.update(value="broken")
        seen = overview.api_preview(
            Subscription.objects.get(id=row.id), now=timezone.now()
        )
        assert seen is not None
        assert (seen.json, seen.remark) == ("", overview.UNREADABLE)


def test_who_may_add_may_not_edit_and_the_other_way_round(login: Login) -> None:
    row = factories.subscription(factories.partner(), "capa", is_singleton=True)
    address = f"/staff/subscriptions/{row.id}/edit/"
    adds, changes = login("add_subscription"), login("change_subscription")
    assert adds.get(address).status_code == adds.post(address).status_code == 403
    path = "/staff/subscriptions/new/"
    assert changes.get(path).status_code == changes.post(path).status_code == 403
    assert changes.get(address).status_code == adds.get(path).status_code == 200
