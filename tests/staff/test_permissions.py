"""Who may see which page, and what others see in its place."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.admin import traffic
from tests.browser import addresses
from webhooks.models import (
    ApiKey,
    Attempt,
    AuditEntry,
    Delivery,
    Endpoint,
    Event,
    EventType,
    Partner,
    Recovery,
    SigningSecret,
    Subscription,
)

from .conftest import Login

# Name of the page -> (the permission it needs, the model whose row is in its address)
PAGES = {
    "alerts": ("view_delivery", None),
    "partners": ("view_partner", None),
    "new-partner": ("add_partner", None),
    "partner": ("view_partner", Partner),
    "edit-partner": ("change_partner", Partner),
    "partner-limits": ("change_partner", Partner),
    "switch-partner": ("change_partner", Partner),
    "explore": ("explore_partner", Partner),
    "keys": ("view_apikey", None),
    "issue-key": ("issue_key", None),
    "key": ("view_apikey", ApiKey),
    "rotate-key": ("issue_key", ApiKey),
    "revoke-key": ("revoke_key", ApiKey),
    "subscriptions": ("view_subscription", None),
    "subscription": ("view_subscription", Subscription),
    "delete-subscription": ("delete_subscription", Subscription),
    "new-subscription": ("add_subscription", None),
    "edit-subscription": ("change_subscription", Subscription),
    "enable-subscription": ("change_subscription", Subscription),
    "test-subscription": ("add_event", Subscription),
    "rotate-secret": ("change_subscription", Subscription),
    "reveal-secret": ("reveal_secret", SigningSecret),
    "deliveries": ("view_delivery", None),
    "delivery": ("view_delivery", Delivery),
    "delivery-progress": ("view_delivery", Delivery),
    "request-body": ("view_delivery", Attempt),
    "response-body": ("view_delivery", Attempt),
    "redeliver": ("replay_delivery", Delivery),
    "recoveries": ("view_recovery", None),
    "recovery": ("view_recovery", Recovery),
    "recovery-progress": ("view_recovery", Recovery),
    "cancel-recovery": ("replay_delivery", Recovery),
    "new-recovery": ("replay_delivery", None),
    "events": ("view_event", None),
    "event": ("view_event", Event),
    "publish": ("add_event", None),
    "event-types": ("view_eventtype", None),
    "event-type": ("view_eventtype", EventType),
    "audit": ("view_auditentry", None),
    "audit-entry": ("view_auditentry", AuditEntry),
}


def address(name: str) -> str:
    model = PAGES[name][1]
    if model is None:
        return reverse(f"staff:{name}")
    rows = traffic.one_of_each()
    Attempt.objects.update(request_body=b"{}")
    if name == "enable-subscription":
        Endpoint.objects.update(disabled_at=timezone.now(), disabled_reason="Gone.")
    row = AuditEntry.objects.earliest("id") if model is AuditEntry else rows[model]
    return reverse(f"staff:{name}", args=[row.pk])


@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_is_asked_to_log_in_and_led_back(stranger: Client, name) -> None:
    page = address(name)
    for response in (stranger.get(page), stranger.post(page)):
        assert response.status_code == 302
        assert response["Location"] == f"/admin/login/?next={page}"


@pytest.mark.parametrize("name", PAGES)
def test_who_is_no_staff_is_asked_to_log_in(db, name) -> None:
    client = Client()
    user = User.objects.create_user("customer", password="secret")
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    assert client.get(address(name)).status_code == 302


@pytest.mark.parametrize("name", PAGES)
def test_staff_without_the_permission_are_refused_in_the_look(
    login: Login, name
) -> None:
    needed = PAGES[name][0]
    others = {permission for permission, _ in PAGES.values()} - {needed}
    client = login(*others)
    page = address(name)
    for response in (client.get(page), client.post(page)):
        assert response.status_code == 403
        assert "Your account lacks the permission" in response.content.decode()
        assert 'id="nav-sidebar"' in response.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_staff_with_that_permission_alone_see_it(login: Login, name) -> None:
    response = login(PAGES[name][0]).get(address(name))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("name", [n for n, (_, model) in PAGES.items() if model])
def test_what_is_not_there_is_not_found(console: Client, name) -> None:
    unknown = "00000000-0000-7000-8000-000000000000"
    assert console.get(reverse(f"staff:{name}", args=[unknown])).status_code == 404


def test_the_address_without_a_slash_leads_to_the_dashboard(
    console: Client, stranger: Client
) -> None:
    assert console.get("/staff", follow=True).redirect_chain == [("/staff/", 302)]
    assert stranger.get("/staff/")["Location"] == "/admin/login/?next=/staff/"


def test_every_page_has_a_log_out(console: Client) -> None:
    rows = addresses.rows()
    pages = [*addresses.staff(rows), *addresses.admin(rows)]
    shown = addresses.shown(console, pages)
    assert len(shown) > 60
    for page in shown:
        assert b'action="/admin/logout/"' in console.get(page).content, page


def test_the_sidebar_shows_only_what_is_open(login: Login) -> None:
    page = login("view_event").get("/staff/events/").content.decode()
    assert 'href="/staff/events/"' in page
    assert 'href="/staff/deliveries/"' not in page
    assert 'href="/staff/events/publish/"' not in page


def test_a_button_is_shown_to_who_may_press_it(login: Login) -> None:
    sent = traffic.delivery()
    page = f"/staff/deliveries/{sent.pk}/"
    may = login("view_delivery", "replay_delivery").get(page).content.decode()
    may_not = login("view_delivery").get(page).content.decode()
    assert f'href="{page}redeliver/"' in may
    assert f'href="{page}redeliver/"' not in may_not
