"""Keys in the console: shown once, rotated without a gap, revoked with what follows named."""

import shlex
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from tests import factories
from webhooks.console.idempotency import FIELD
from webhooks.models import ApiKey, AuditEntry, Partner, Subscription
from webhooks.models.ids import time_ordered
from webhooks.operations import keys
from webhooks.operations.audit import SYSTEM
from webhooks.rest import interfaces

from .conftest import Login
from .key_pages import DAY, ISSUE, KEYS, page, switch_off


def issue(client: Client, **fields: Any) -> Any:
    form = {"kind": "partner", "lasts": "never", **fields}
    return client.post(ISSUE, form)


def rotate(client: Client, key: ApiKey, **fields: Any) -> Any:
    form = {"overlap": "86400", **fields}
    return client.post(page(key, "rotate"), form)


def called(text: str) -> int:
    """The status of a call through a dialect with this key, as its vendor documents it."""
    response = Client().get("/v1/webhooks", HTTP_AUTHORIZATION=f"Bearer {text}")
    return response.status_code


def refuses(curl: str) -> bool:
    """Whether this line of a shell, without its body, is refused for its key."""
    _, _, method, address, *options = shlex.split(curl)
    given = zip(options[::2], options[1::2], strict=True)
    headers = dict(each.split(": ") for option, each in given if option == "--header")
    headers.pop("Content-Type", None)
    path = address.removeprefix("http://testserver")
    answer = Client().generic(method, path, "{}", "application/json", headers=headers)
    return answer.status_code == 401


def last_entry() -> AuditEntry:
    entry = AuditEntry.objects.latest("id")
    assert (entry.actor_kind, entry.actor, entry.ip) == ("staff", "boss", "127.0.0.1")
    return entry


@pytest.fixture
def partner(db) -> Partner:
    return factories.partner(name="Acme")


def kept_nowhere(text: str, console: Client, caplog: Any) -> None:
    """A key's text, and its secret part alone, stand nowhere that outlives the answer."""
    key = ApiKey.objects.get(prefix=text[4:14])
    kept = [
        str(dict(console.session)),
        str(console.cookies),
        str(list(LogEntry.objects.values())),
        str(list(AuditEntry.objects.values())),
        str(list(ApiKey.objects.values())),
        caplog.text,
        *(
            console.get(address).content.decode()
            for address in (page(key), KEYS, page(key, "rotate"), "/staff/audit/")
        ),
    ]
    assert not any(text[15:] in place for place in kept)


class TestIssuing:
    def test_the_key_is_in_the_answer_and_nowhere_else(
        self, console: Client, partner: Partner, caplog
    ) -> None:
        response = issue(
            console, partner="acme", name="CRM", scopes=[keys.READ], shops="s1, s2,"
        )
        text = response.context["text"]
        assert response.status_code == 200
        assert response.content.decode().count(text) == 1
        assert "no-store" in response["Cache-Control"]
        key = ApiKey.objects.get()
        assert (key.partner, key.name) == (partner, "CRM")
        assert key.scopes == ["webhooks:read", "shop:s1", "shop:s2"]
        assert key.expires_at is None
        assert last_entry().action == "key.issued"
        kept_nowhere(text, console, caplog)
        assert called(text) == 200

    def test_the_form_is_kept_by_nobody(self, console: Client) -> None:
        assert "no-store" in console.get(ISSUE)["Cache-Control"]

    def test_one_form_issues_one_key(self, console: Client, partner: Partner) -> None:
        form = console.get(f"{ISSUE}?partner={partner.pk}")
        assert form.context["form"]["partner"].value() == "Acme"
        once = {FIELD: time_ordered()}
        text = issue(console, partner="Acme", **once).context["text"]
        again = issue(console, partner="Acme", **once)
        assert again["Location"] == page(ApiKey.objects.get())
        after = console.get(again["Location"]).content.decode()
        assert "No second key was" in after
        assert text not in after
        assert ApiKey.objects.count() == 1

    def test_a_publisher_s_key_works_for_publishing(self, console: Client) -> None:
        response = issue(console, kind="publisher")
        key = ApiKey.objects.get()
        assert (key.kind, key.partner) == ("publisher", None)
        text = response.context["text"]
        assert keys.authenticate(text, kind=ApiKey.Kind.PUBLISHER)
        assert "/api/portal/v1/events" in response.content.decode()
        assert "/v1/webhooks" not in response.content.decode()

    @pytest.mark.parametrize(
        ("fields", "beside"),
        [
            ({}, "partner"),
            ({"partner": "nobody"}, "partner"),
            ({"kind": "publisher", "partner": "Acme"}, "partner"),
            ({"kind": "publisher", "shops": "s1"}, "shops"),
            ({"kind": "publisher", "scopes": [keys.READ]}, "scopes"),
            ({"scopes": ["everything"]}, "scopes"),
            ({"kind": "neither"}, "kind"),
            ({"lasts": "forever"}, "lasts"),
            ({"lasts": "date"}, "expires_at"),
            ({"lasts": "date", "expires_at": "2020-01-01T00:00"}, "expires_at"),
            ({"lasts": "date", "expires_at": "soon"}, "expires_at"),
            ({"lasts": "30", "expires_at": "2030-01-01T00:00"}, "expires_at"),
            ({"name": "x" * 201}, "name"),
            ({"shops": "x" * 256}, "shops"),
            ({"shops": ",".join(f"s{n}" for n in range(101))}, "shops"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_stands_beside_its_field(
        self, console: Client, partner: Partner, fields, beside
    ) -> None:
        response = issue(console, **fields)
        assert response.status_code == 422
        assert beside in response.context["form"].errors
        assert 'class="error"' in response.content.decode()
        assert not ApiKey.objects.exists()

    @pytest.mark.parametrize(("lasts", "days"), [("30", 30), ("90", 90), ("365", 365)])
    def test_it_ends_after_days(
        self, console: Client, partner: Partner, lasts, days
    ) -> None:
        issue(console, partner="Acme", lasts=lasts)
        key = ApiKey.objects.get()
        assert key.expires_at is not None
        lasting = key.expires_at - key.created_at
        assert abs(lasting - timedelta(days=days)) < timedelta(seconds=5)

    def test_it_ends_at_a_time(self, console: Client, partner: Partner) -> None:
        until = (timezone.now() + 3 * DAY).replace(second=0, microsecond=0)
        issue(
            console, partner="Acme", lasts="date", expires_at=f"{until:%Y-%m-%dT%H:%M}"
        )
        assert ApiKey.objects.get().expires_at == until

    def test_every_scope_of_a_partner_can_be_granted(
        self, console: Client, partner: Partner
    ) -> None:
        scopes = [keys.READ, keys.WRITE, keys.REVEAL, keys.MANAGE]
        issue(console, partner="Acme", scopes=scopes)
        assert ApiKey.objects.get().scopes == scopes

    def test_it_warns_of_a_partner_that_is_off(
        self, console: Client, partner: Partner
    ) -> None:
        warning = "refused until the partner is switched on"
        assert warning not in console.get(f"{ISSUE}?partner=Acme").content.decode()
        switch_off(partner)
        assert warning in console.get(f"{ISSUE}?partner=Acme").content.decode()
        assert warning in issue(console, partner="Acme").content.decode()

    def test_a_partner_that_is_not_there_is_asked_for(
        self, console: Client, partner: Partner
    ) -> None:
        for nobody in ("nobody", "x" * 10_000):
            assert console.get(ISSUE, {"partner": nobody}).status_code == 200

    def test_what_is_to_be_copied_holds_no_key(
        self, console: Client, partner: Partner
    ) -> None:
        factories.subscription(partner, "capa", is_singleton=True)
        response = issue(console, partner="Acme")
        usages = {each.slug: curl for each, curl in response.context["usages"]}
        others = {each.slug: curl for each, curl in response.context["other_usages"]}
        assert list(usages) == ["capa"]
        assert "http://testserver/api/partner/v1/webhook-settings" in usages["capa"]
        assert {*usages, *others} == {each.slug for each in interfaces.all()}
        page = response.content.decode()
        for each in interfaces.all():
            curl = {**usages, **others}[each.slug]
            assert refuses(curl)
            assert not refuses(curl.replace("YOUR_KEY", response.context["text"]))
            assert f'<span class="name">{each.title}</span>' in page


class TestRotating:
    def test_both_keys_open_for_a_while_and_then_the_new_one(
        self, console: Client, partner: Partner, caplog
    ) -> None:
        old, former = factories.key(partner, name="CRM", scopes=[keys.READ])
        response = rotate(console, old)
        text = response.context["text"]
        assert response.status_code == 200
        assert response.content.decode().count(text) == 1
        assert "no-store" in response["Cache-Control"]
        kept_nowhere(text, console, caplog)
        assert called(former) == called(text) == 200
        with time_machine.travel(timezone.now() + DAY + timedelta(seconds=1)):
            assert called(former) == 401
            assert called(text) == 200
        new = ApiKey.objects.get(prefix=text[4:14])
        assert (new.name, new.scopes, new.partner) == ("CRM", [keys.READ], partner)
        assert last_entry().action == "key.rotated"
        assert f'href="{page(new)}"' in console.get(page(old)).content.decode()

    @pytest.mark.parametrize(
        ("overlap", "lasts"), [("3600", 3600), ("86400", 86400), ("604800", 604800)]
    )
    def test_the_overlap_is_chosen(self, console, partner, overlap, lasts) -> None:
        old, _ = factories.key(partner)
        rotate(console, old, overlap=overlap)
        old.refresh_from_db()
        assert old.expires_at is not None
        left = old.expires_at - timezone.now()
        assert timedelta(seconds=lasts - 5) < left <= timedelta(seconds=lasts)

    def test_one_form_makes_one_key_also_where_it_closed_the_old_one(
        self, console: Client, partner: Partner
    ) -> None:
        for overlap in ("86400", "0"):
            old, _ = factories.key(partner)
            once = {FIELD: time_ordered()}
            text = rotate(console, old, overlap=overlap, **once).context["text"]
            again = rotate(console, old, overlap=overlap, **once)
            old.refresh_from_db()
            assert again["Location"] == f"{KEYS}{old.replaced_by_id}/"
            after = console.get(again["Location"]).content.decode()
            assert "No second key was" in after
            assert text not in after
        assert ApiKey.objects.count() == 4

    def test_without_an_overlap_the_old_key_is_refused_at_once(
        self, console: Client, partner: Partner
    ) -> None:
        old, former = factories.key(partner)
        assert console.get(page(old, "rotate") + "?overlap=0").context["form"][
            "overlap"
        ].value() == "0"  # fmt: skip
        response = rotate(console, old, overlap="0")
        assert "is refused from now on" in response.content.decode()
        assert called(former) == 401
        assert called(response.context["text"]) == 200

    def test_what_hangs_on_the_old_key_is_named_and_reached_by_the_new_one(
        self, console: Client, partner: Partner
    ) -> None:
        old, _ = factories.key(partner)
        factories.subscription(partner, "topiic", api_key=old, public_id=str(old.id))
        asked = console.get(page(old, "rotate")).content.decode()
        assert "they move to the new key" in asked
        text = rotate(console, old, overlap="0").context["text"]
        assert put_topiic(old, text) == 200

    def test_a_key_that_was_rotated_says_so_before_it_is_again(
        self, console: Client, partner: Partner
    ) -> None:
        old, _ = factories.key(partner)
        words = "made in the place of this one already"
        assert words not in console.get(page(old, "rotate")).content.decode()
        rotate(console, old)
        assert words in console.get(page(old, "rotate")).content.decode()

    def test_a_closed_key_is_not_rotated_and_that_is_said(
        self, console: Client, partner: Partner
    ) -> None:
        revoked, _ = factories.key(partner)
        keys.revoke(by=SYSTEM, key=revoked)
        expired, _ = factories.key(partner, expires_at=timezone.now())
        for key in (revoked, expired):
            for response in (console.get(page(key, "rotate")), rotate(console, key)):
                assert response["Location"] == page(key)
            shown = console.get(page(key)).content.decode()
            assert "it cannot be rotated" in shown
            assert 'rotate/"' not in shown
        assert ApiKey.objects.count() == 2

    @pytest.mark.parametrize("overlap", ["", "60", "604801", "-1", "x"])
    def test_no_other_overlap_is_taken(self, console, partner, overlap) -> None:
        old, _ = factories.key(partner)
        response = rotate(console, old, overlap=overlap)
        assert response.status_code == 422
        assert "overlap" in response.context["form"].errors
        assert ApiKey.objects.count() == 1


def put_topiic(key: ApiKey, text: str) -> int:
    """Change what hangs on a key through the one dialect that hangs something on keys."""
    response = Client().put(
        f"/api/ApiKeys/{key.id}/webhook",
        {
            "id": str(key.id),
            "merchantId": str(key.partner_id),
            "webhookUrl": "https://receiver.example.com/new",
            "webhookEvents": [],
            "webhookEnabled": True,
        },
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {text}",
    )
    return response.status_code


class TestRevoking:
    def test_it_holds_from_the_next_request(
        self, console: Client, partner: Partner
    ) -> None:
        key, text = factories.key(partner)
        assert called(text) == 200
        console.get(page(key, "revoke"))
        assert called(text) == 200, "asked is not done"
        response = console.post(page(key, "revoke"))
        assert called(text) == 401
        assert response["Location"] == page(key)
        assert last_entry().action == "key.revoked"
        shown = console.get(page(key)).content.decode()
        assert f"whk_{key.prefix} is revoked: every API refuses it from now on" in shown
        assert f'href="{ISSUE}?partner={partner.pk}"' in shown
        assert 'revoke/"' not in shown

    def test_it_says_who_is_locked_out(self, console: Client, partner: Partner) -> None:
        key, text = factories.key(partner)
        called(text)
        asked = console.get(page(key, "revoke")).content.decode()
        assert "is locked out of its API until it gets another" in asked
        assert f'href="{ISSUE}?partner={partner.pk}"' in asked
        assert "ago)" in asked
        factories.key(factories.partner())
        factories.key(partner, expires_at=timezone.now())
        assert "locked out" in console.get(page(key, "revoke")).content.decode()
        other, _ = factories.key(partner, name="CRM")
        asked = console.get(page(key, "revoke")).content.decode()
        assert "locked out" not in asked
        assert f"CRM <code>whk_{other.prefix}</code>" in asked

    def test_it_says_that_nothing_could_be_published(self, console: Client) -> None:
        key, _ = factories.key(None)
        words = "publish any more"
        assert words in console.get(page(key, "revoke")).content.decode()
        factories.key(None)
        assert words not in console.get(page(key, "revoke")).content.decode()

    def test_it_names_a_few_of_many_other_keys(
        self, console: Client, partner: Partner
    ) -> None:
        made = [factories.key(partner)[0] for _ in range(12)]
        response = console.get(page(made[0], "revoke"))
        assert len(response.context["others"]) == 10
        assert "and more" in response.content.decode()

    def test_it_names_what_no_other_key_will_reach(
        self, console: Client, partner: Partner
    ) -> None:
        key, _ = factories.key(partner)
        _, other = factories.key(partner)
        hanging = factories.subscription(
            partner, "topiic", api_key=key, public_id=str(key.id)
        )
        asked = console.get(page(key, "revoke")).content.decode()
        assert f'href="/staff/subscriptions/{hanging.pk}/"' in asked
        assert "no other key reaches them" in asked
        assert f'href="{page(key, "rotate")}?overlap=0"' in asked
        assert put_topiic(key, other) == 200
        console.post(page(key, "revoke"))
        assert put_topiic(key, other) == 404
        assert Subscription.objects.live().filter(pk=hanging.pk).exists()
        assert "no key reaches them" in console.get(page(key)).content.decode()

    def test_once_is_enough(self, console: Client, partner: Partner) -> None:
        key, _ = factories.key(partner)
        console.post(page(key, "revoke"))
        for ask in (console.get, console.post):
            response = ask(page(key, "revoke"), follow=True)
            assert response.redirect_chain == [(page(key), 302)]
            assert "was revoked before" in response.content.decode()
        assert AuditEntry.objects.filter(action="key.revoked").count() == 1

    def test_an_expired_key_can_be_revoked_for_good(
        self, console: Client, partner: Partner
    ) -> None:
        key, _ = factories.key(partner, expires_at=timezone.now())
        asked = console.get(page(key, "revoke")).content.decode()
        assert "has expired and is refused already" in asked
        console.post(page(key, "revoke"))
        assert ApiKey.objects.get().is_revoked


class TestOne:
    def test_it_says_what_a_key_is_and_who_made_it(
        self, console: Client, partner: Partner
    ) -> None:
        issue(
            console, partner="Acme", name="<b>CRM</b>", scopes=[keys.READ], shops="<i>"
        )
        key = ApiKey.objects.get()
        shown = console.get(page(key)).content.decode()
        assert f"whk_{key.prefix}" in shown
        assert "Read webhook settings" in shown
        assert "change and delete" not in shown
        assert "only for the shop &lt;i&gt;" in shown
        assert "<b>CRM" not in shown
        assert "by boss" in shown
        assert "key.issued" in shown
        assert key.digest not in shown

    def test_history_is_for_who_may_read_it(self, login: Login, partner) -> None:
        key, _ = factories.key(partner)
        shown = login("view_apikey").get(page(key)).content.decode()
        assert "key.issued" not in shown
        assert "by system" not in shown

    def test_a_key_without_history_says_so(self, console: Client, partner) -> None:
        key = ApiKey.objects.create(
            partner=partner, prefix="0123456789", digest="0" * 64, pepper=1,
            created_at=timezone.now(),
        )  # fmt: skip
        assert (
            "The audit log has no entry about this key"
            in console.get(page(key)).content.decode()
        )

    def test_a_button_is_shown_to_who_may_press_it(self, login: Login, partner) -> None:
        key, _ = factories.key(partner)
        buttons = {
            "issue_key": page(key, "rotate"),
            "revoke_key": page(key, "revoke"),
        }
        for permission, address in buttons.items():
            shown = login("view_apikey", permission).get(page(key)).content.decode()
            assert f'href="{address}"' in shown
            (other,) = set(buttons.values()) - {address}
            assert f'href="{other}"' not in shown

    def test_issuing_and_revoking_are_two_permissions(
        self, login: Login, partner
    ) -> None:
        key, _ = factories.key(partner)
        issuer, revoker = login("issue_key"), login("revoke_key")
        assert issuer.post(page(key, "revoke")).status_code == 403
        assert issue(revoker, partner="Acme").status_code == 403
        assert rotate(revoker, key).status_code == 403
        assert [k.pk for k in ApiKey.objects.filter(revoked_at=None)] == [key.pk]
        assert issue(issuer, partner="Acme").status_code == 200
        assert revoker.post(page(key, "revoke")).status_code == 302
