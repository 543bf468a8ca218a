"""Signing secrets: masked, shown to who may see them, rotated with an overlap."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from tests.dialects.forms import Caller, create
from tests.operations.outcomes import hook
from webhooks.models import AuditEntry, SigningSecret, Subscription
from webhooks.operations import secrets, subscriptions
from webhooks.operations.audit import SYSTEM
from webhooks.rest import interfaces
from webhooks.rest.interfaces import Interface

from .conftest import Login

SIGNED = [each for each in interfaces.all() if each.profile.new_secret]
PLAIN = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0Njc4OTA="


def page_of(client: Client, subscription: Subscription) -> str:
    return client.get(f"/staff/subscriptions/{subscription.pk}/").content.decode()


def rotation(subscription: Subscription) -> str:
    return f"/staff/subscriptions/{subscription.pk}/rotate-secret/"


def showing(secret: SigningSecret) -> str:
    return f"/staff/secrets/{secret.pk}/"


def spoil(subscription: Subscription) -> None:
    """As when the encryption key is not configured any more."""
    SigningSecret.objects.filter(subscription=subscription).update(value="old:AAAA")


@pytest.fixture
def partner(db):
    return factories.partner(name="Acme")


@pytest.fixture
def signed(partner) -> Subscription:
    return hook(partner, secrets=[PLAIN])


class TestMasked:
    def test_only_the_ending_is_shown(self, console: Client, signed) -> None:
        page = page_of(console, signed)
        assert f"••••••••{PLAIN[-4:]}" in page
        assert PLAIN[:-4] not in page

    def test_an_overlap_says_who_signs(self, console: Client, signed, partner) -> None:
        secrets.rotate(by=SYSTEM, subscription=signed)
        page = page_of(console, signed)
        assert "Every delivery carries a signature of each." in page
        capa = factories.subscription(
            partner, "capa", is_singleton=True, secrets=["a" * 64]
        )
        secrets.rotate(by=SYSTEM, subscription=capa)
        page = page_of(console, capa)
        assert ", alone." in page
        assert "Signs when the older one has ended." in page
        assert "a signature of each" not in page

    def test_what_cannot_be_read_says_so(self, console: Client, signed) -> None:
        spoil(signed)
        page = page_of(console, signed)
        assert "Cannot be read" in page
        assert "Nothing can be signed with it" in page
        assert f'action="{showing(signed.secrets.get())}"' not in page

    def test_a_dialect_that_does_not_sign_says_so(
        self, console: Client, partner
    ) -> None:
        made = factories.subscription(partner, "blaze")
        assert "Deliveries of this dialect are not signed" in page_of(console, made)
        page = console.get(rotation(made)).content.decode()
        assert "so it has no secret" in page
        response = console.post(rotation(made), {"overlap": "24h"}, follow=True)
        assert "are not signed" in response.content.decode()

    def test_without_one_it_says_that_nothing_is_sent(
        self, console: Client, partner
    ) -> None:
        made = hook(partner, secrets=[])
        assert "nothing can be sent to it. Rotate" in page_of(console, made)
        assert (
            "The new one signs at once" in console.get(rotation(made)).content.decode()
        )

    @pytest.mark.once
    def test_its_statements_do_not_grow(self, console: Client, partner) -> None:
        asked = []
        for number in (1, 2):
            made = hook(partner, secrets=[PLAIN] * number)
            console.get(rotation(made))
            with CaptureQueriesContext(connection) as statements:
                console.get(rotation(made))
            asked.append(len(statements))
        assert len(set(asked)) == 1


class TestRevealing:
    def test_by_get_it_asks_and_shows_nothing(self, console: Client, signed) -> None:
        response = console.get(showing(signed.secrets.get()))
        assert response.status_code == 200
        assert PLAIN[-4:] not in response.content.decode()
        assert not AuditEntry.objects.filter(action="secret.revealed").exists()

    def test_by_post_it_is_shown_once_and_recorded(
        self, console: Client, signed
    ) -> None:
        secret = signed.secrets.get()
        response = console.post(showing(secret))
        page = response.content.decode()
        assert f"data-shown-once>{PLAIN}<" in page
        assert "no-store" in response["Cache-Control"]
        entry = AuditEntry.objects.get(action="secret.revealed")
        assert (entry.actor_kind, entry.actor, entry.ip) == (
            "staff",
            "boss",
            "127.0.0.1",
        )
        assert entry.after == {"secret_id": str(secret.pk)}
        assert PLAIN not in str(dict(console.session))
        assert PLAIN not in page_of(console, signed)

    def test_it_takes_the_permission(self, login: Login, signed) -> None:
        address = showing(signed.secrets.get())
        client = login("view_subscription", "change_subscription", "view_signingsecret")
        assert client.post(address).status_code == 403
        assert f'action="{address}"' not in page_of(client, signed)
        assert not AuditEntry.objects.filter(action="secret.revealed").exists()
        client = login("view_subscription", "reveal_secret")
        assert f'action="{address}"' in page_of(client, signed)
        assert PLAIN in client.post(address).content.decode()

    def test_what_is_gone_or_cannot_be_read_is_said(
        self, console: Client, signed
    ) -> None:
        secret = signed.secrets.get()
        SigningSecret.objects.update(
            created_at=timezone.now() - timedelta(days=2), expires_at=timezone.now()
        )
        response = console.post(showing(secret), follow=True)
        assert "was replaced or has expired" in response.content.decode()
        SigningSecret.objects.update(expires_at=None)
        spoil(signed)
        response = console.post(showing(secret), follow=True)
        assert "The secret cannot be read" in response.content.decode()
        assert "ENCRYPTION_KEYS" in response.content.decode()
        assert not AuditEntry.objects.filter(action="secret.revealed").exists()


class TestRotating:
    @pytest.mark.parametrize("interface", SIGNED, ids=lambda each: each.slug)
    def test_it_says_what_it_means_for_the_dialect(
        self, console: Client, partner, interface: Interface
    ) -> None:
        made = create(interface.slug, Caller(partner))
        fits = interface.profile.signs_with_every_secret
        says = "room for several signatures" if fits else "room for one signature"
        page = console.get(rotation(made)).content.decode()
        assert says in page
        assert "it ends at once" not in page

    @pytest.mark.parametrize(
        ("overlap", "lasts"),
        [("1h", timedelta(hours=1)), ("24h", timedelta(hours=24)), ("7d", timedelta(days=7))],
    )  # fmt: skip
    def test_the_older_one_signs_until_the_overlap_ends(
        self, console: Client, signed, overlap, lasts
    ) -> None:
        before = timezone.now()
        response = console.post(rotation(signed), {"overlap": overlap})
        assert response.status_code == 200
        assert "no-store" in response["Cache-Control"]
        older, newer = signed.secrets.live(timezone.now())
        assert before + lasts <= older.expires_at <= timezone.now() + lasts
        page = response.content.decode()
        assert newer.reveal() in page
        assert PLAIN not in page
        assert "both sign until" in page
        actions = AuditEntry.objects.filter(actor="boss").values_list(
            "action", flat=True
        )
        assert set(actions) == {"secret.rotated", "secret.revealed"}

    def test_without_an_overlap_it_ends_now(self, console: Client, signed) -> None:
        page = console.post(rotation(signed), {"overlap": "0"}).content.decode()
        assert "It signs from now on, alone" in page
        assert signed.secrets.get().reveal() != PLAIN

    def test_where_one_signs_it_is_said_when_to_change_over(
        self, console: Client, partner
    ) -> None:
        made = factories.subscription(
            partner, "capa", is_singleton=True, secrets=["a" * 64]
        )
        page = console.post(rotation(made), {"overlap": "24h"}).content.decode()
        assert "The older one signs until" in page
        assert "It and the older one both sign" not in page

    def test_who_may_not_see_secrets_is_told_where_it_is_found(
        self, login: Login, signed
    ) -> None:
        client = login("change_subscription")
        page = client.post(rotation(signed), {"overlap": "24h"}).content.decode()
        assert "Your account may not see secrets" in page
        assert signed.secrets.live(timezone.now()).last().reveal() not in page
        assert not AuditEntry.objects.filter(action="secret.revealed").exists()

    def test_it_warns_that_a_second_one_ends_the_oldest_at_once(
        self, console: Client, signed
    ) -> None:
        secrets.rotate(by=SYSTEM, subscription=signed)
        page = console.get(rotation(signed)).content.decode()
        assert "A rotation is still under way" in page
        assert f"<code>{PLAIN[-4:]}</code>" in page

    def test_nobody_ends_a_secret_that_they_have_not_seen(
        self, console: Client, signed
    ) -> None:
        form = console.get(rotation(signed)).context["form"]
        sent = {"overlap": "24h", "seen": str(form["seen"].value())}
        assert console.post(rotation(signed), sent).status_code == 200
        response = console.post(rotation(signed), sent, follow=True)
        assert "No second one was made" in response.content.decode()
        live = signed.secrets.live(timezone.now())
        assert live[0].reveal() == PLAIN
        assert live.count() == 2

    @pytest.mark.parametrize("overlap", ["", "2h", "-1"])
    def test_only_what_is_offered_is_taken(
        self, console: Client, signed, overlap
    ) -> None:
        response = console.post(rotation(signed), {"overlap": overlap})
        assert response.status_code == 422
        assert response.context["form"].errors["overlap"]
        assert signed.secrets.get().reveal() == PLAIN

    def test_who_was_too_late_is_told(
        self, console: Client, signed, monkeypatch
    ) -> None:
        def gone(**_: object) -> None:
            raise subscriptions.Deleted

        monkeypatch.setattr(secrets, "rotate", gone)
        response = console.post(rotation(signed), {"overlap": "24h"}, follow=True)
        assert "was deleted meanwhile" in response.content.decode()
