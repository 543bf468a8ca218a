"""The browsable API: for staff who have chosen a partner, and for nobody else."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests import factories
from webhooks.models import AuditEntry, Partner, Subscription
from webhooks.rest import explorer as explorer_room

HTML: Any = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8"}
ADDRESS = "/v1/webhooks"
BODY = '{"url": "https://hooks.example.org/a", "events": ["customer.created"], "name": "n"}'
pytestmark = pytest.mark.usefixtures("templates_of_others")


@pytest.fixture
def partner(db) -> Partner:
    return factories.partner(name="Acme & Sons")


def staff(*codenames: str, **client) -> Client:
    user = User.objects.create_user("ann", password="secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    browser = Client(**client)
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return browser


@pytest.fixture
def explorer(partner) -> Client:
    browser = staff("explore_partner", "view_partner", "change_partner")
    started = browser.post(f"/staff/partners/{partner.pk}/explore/")
    assert started.status_code == 302
    return browser


def test_it_shows_the_answer_of_the_interface_and_whose_it_is(
    explorer, partner
) -> None:
    response = explorer.get(ADDRESS, **HTML)
    html = response.content.decode()
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["Cache-Control"] == "private, no-store"
    assert "Exploring as <strong>Acme &amp; Sons</strong>" in html
    assert "&quot;status&quot;: 1" in html
    assert "private, no-store" not in html
    assert 'action="/admin/logout/"' in html


def test_it_shows_what_is_wrong_in_the_interface_s_words(explorer) -> None:
    response = explorer.get(f"{ADDRESS}/unknown", **HTML)
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("address", "type"),
    [
        (ADDRESS, "application/json"),
        (f"{ADDRESS}/unknown", "application/json"),
        ("/api/portal/v1/subscriptions/unknown", "application/problem+json"),
    ],
)
def test_it_names_the_type_that_a_key_would_be_answered_with(
    explorer, partner, address, type
) -> None:
    page = explorer.get(address, **HTML).content.decode()
    assert f'Content-Type:</b> <span class="lit">{type}</span>' in page
    _, key = factories.key(partner)
    answered = Client().get(address, HTTP_AUTHORIZATION=f"Bearer {key}")
    assert answered["Content-Type"] == type


def test_it_offers_no_form_where_there_is_no_path(explorer) -> None:
    response = explorer.get("/v1/nowhere", **HTML)
    assert response.status_code == 404
    assert b"_content" not in response.content


def test_it_writes_in_the_name_of_the_member_of_staff(explorer, partner) -> None:
    response = explorer.post(ADDRESS, BODY, content_type="application/json", **HTML)
    assert response.status_code < 300
    assert Subscription.objects.get().partner == partner
    entry = AuditEntry.objects.get(action="subscription.created")
    assert (entry.actor_kind, entry.actor, entry.ip) == ("staff", "ann", "127.0.0.1")


def test_it_refuses_a_write_without_its_token(partner) -> None:
    browser = staff("explore_partner", enforce_csrf_checks=True)
    session = browser.session
    session["explored_partner"] = str(partner.pk)
    session.save()
    assert browser.get(ADDRESS, **HTML).status_code == 200
    response = browser.post(ADDRESS, BODY, content_type="application/json", **HTML)
    assert response.status_code in {401, 403}
    assert not Subscription.objects.exists()


@pytest.mark.parametrize(
    "accept", ["application/json", "*/*", "application/json, text/html"]
)
def test_it_stays_closed_to_what_prefers_anything_but_html(explorer, accept) -> None:
    response = explorer.get(ADDRESS, HTTP_ACCEPT=accept)
    assert response.status_code == 401
    assert "json" in response["Content-Type"]
    assert not response.wsgi_request.session.accessed


def test_it_stays_closed_to_a_browser_that_has_chosen_nobody(partner) -> None:
    response = staff("explore_partner").get(ADDRESS, **HTML)
    assert response.status_code == 401
    assert "json" in response["Content-Type"]


@pytest.mark.parametrize("field", ["is_staff", "is_active"])
def test_it_closes_for_an_account_that_is_no_longer_staff(explorer, field) -> None:
    User.objects.update(**{field: False})
    assert "json" in explorer.get(ADDRESS, **HTML)["Content-Type"]


def test_it_closes_for_staff_who_lost_the_permission(explorer) -> None:
    User.objects.get().user_permissions.clear()
    assert "json" in explorer.get(ADDRESS, **HTML)["Content-Type"]


def test_it_refuses_to_call_as_a_partner_that_is_off_or_gone(explorer, partner) -> None:
    Partner.objects.filter(pk=partner.pk).update(is_active=False)
    assert explorer.get(ADDRESS, **HTML).status_code in {401, 403}
    Partner.objects.filter(pk=partner.pk).delete()
    response = explorer.get(ADDRESS, **HTML)
    assert response.status_code == 401
    assert b"is gone" in response.content


def test_it_shows_a_hostile_answer_as_text(explorer, partner) -> None:
    factories.subscription(partner, "partnero", name="<script>alert(1)</script>")
    html = explorer.get(ADDRESS, **HTML).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"plain\xff", "plain\N{REPLACEMENT CHARACTER}"),
        (b"[1]", "[\n  1\n]"),
    ],
)
def test_it_shows_an_answer_that_is_no_json_as_it_is(body, shown) -> None:
    assert explorer_room._indented(body) == shown
