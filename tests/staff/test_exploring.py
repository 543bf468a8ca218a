"""Exploring: begun and ended in the console, named on every page, audited by name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import bodies, factories
from tests.admin import traffic
from tests.described import operations
from tests.dialects.forms import SLUGS, Caller, case, create
from webhooks.models import AuditEntry, Partner, Subscription
from webhooks.rest import interfaces

from .conftest import Login

HTML: Any = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8"}
URL = "https://hooks.example.org/new"


@pytest.fixture
def partner(db) -> Partner:
    return factories.partner(name="Acme & Sons")


def address(partner: Partner) -> str:
    return f"/staff/partners/{partner.pk}/explore/"


def strict(user: str) -> Client:
    """A browser whose every form needs its token."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(
        User.objects.get(username=user), "django.contrib.auth.backends.ModelBackend"
    )
    return browser


def token(browser: Client, page: str) -> str:
    """What the forms and the scripts of a page send along; asking for it is no write."""
    browser.get(page)
    return browser.cookies["csrftoken"].value


def token_shown(browser: Client, page: str) -> str:
    """What the scripts of a page of the browsable API send along."""
    html = browser.get(page, **HTML).content.decode()
    return html.split('"csrfToken": "')[1].split('"')[0]


def test_it_says_what_it_means_before_it_begins(console: Client, partner) -> None:
    page = console.get(address(partner)).content.decode()
    assert "This is no trial" in page
    assert "Explore as Acme &amp; Sons" in page
    assert "/v1/webhooks" not in page
    assert 'class="exploring"' not in page


def test_it_begins_and_ends_by_post_and_notes_both(console: Client, partner) -> None:
    assert console.post(address(partner))["Location"] == address(partner)
    # As after a login that was asked for there.
    assert console.get("/staff/exploring/leave/")["Location"] == "/staff/partners/"
    left = console.post("/staff/exploring/leave/")
    assert left["Location"] == f"/staff/partners/{partner.pk}/"
    assert console.post("/staff/exploring/leave/")["Location"] == "/staff/partners/"
    assert console.get("/v1/webhooks", **HTML).status_code == 401
    noted = AuditEntry.objects.filter(actor="boss").order_by("id")
    assert [e.action for e in noted] == ["partner.explored", "partner.left"]


def test_another_partner_takes_the_place_of_the_first(console: Client, partner) -> None:
    other = factories.partner(name="Other")
    console.post(address(partner))
    console.post(address(other))
    noted = AuditEntry.objects.filter(actor="boss").order_by("id")
    assert [(e.action, e.target) for e in noted] == [
        ("partner.explored", "Acme & Sons"),
        ("partner.left", "Acme & Sons"),
        ("partner.explored", "Other"),
    ]
    assert "Exploring as <strong>Other" in console.get("/staff/").content.decode()


@pytest.mark.parametrize("leaves", [False, True])
def test_a_page_of_the_partner_before_writes_to_nobody(
    boss: User, partner, leaves
) -> None:
    """It is open in another tab, and its address names no partner."""
    browser, settings = strict("boss"), "/api/partner/v1/webhook-settings"

    def post(page: str, sent: str) -> None:
        assert browser.post(page, headers={"x-csrftoken": sent}).status_code == 302

    def put(sent: str) -> int:
        return browser.put(
            settings,
            json.dumps({"url": URL}),
            content_type="application/json",
            headers={"x-csrftoken": sent},
            **HTML,
        ).status_code

    other = factories.partner(name="Other")
    post(address(partner), token(browser, address(partner)))
    before = token_shown(browser, settings)
    if leaves:
        post("/staff/exploring/leave/", before)
    post(address(other), before)
    assert put(before) in {401, 403}
    assert not Subscription.objects.exists()
    assert put(token_shown(browser, settings)) == 200
    assert Subscription.objects.get().partner == other


def test_exploring_the_same_partner_again_leaves_other_pages_alone(
    boss: User, partner
) -> None:
    browser = strict("boss")
    before = token(browser, address(partner))
    for page in (address(partner), "/staff/exploring/leave/", address(partner)):
        answer = browser.post(page, headers={"x-csrftoken": before})
        assert answer.status_code == 302


def test_a_partner_that_is_off_is_not_explored(console: Client, partner) -> None:
    Partner.objects.update(is_active=False)
    assert "Activate it first" in console.get(address(partner)).content.decode()
    console.post(address(partner))
    assert not AuditEntry.objects.filter(action="partner.explored").exists()


@pytest.mark.parametrize(
    "page", ["/staff/partners/", "/staff/deliveries/", "/admin/", "/admin/webhooks/partner/"]
)  # fmt: skip
def test_every_page_of_the_console_names_the_partner(
    console: Client, partner, page
) -> None:
    named = "Exploring as <strong>Acme &amp; Sons</strong>"
    assert named not in console.get(page).content.decode()
    console.post(address(partner))
    assert named in console.get(page).content.decode()
    console.post("/staff/exploring/leave/")
    assert named not in console.get(page).content.decode()


def test_nobody_pays_for_the_banner_who_does_not_explore(
    console: Client, partner
) -> None:
    def asked() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            console.get("/staff/search/")
        return [q["sql"] for q in queries if "webhooks_partner" in q["sql"]]

    assert asked() == []
    console.post(address(partner))
    assert len(asked()) == 1


@pytest.mark.parametrize("lost", ["is_staff", "is_active", "permission"])
def test_it_ends_at_once_for_who_may_no_more(login: Login, partner, lost) -> None:
    browser = login("explore_partner", "view_partner")
    browser.post(address(partner))
    assert browser.get("/v1/webhooks", **HTML).status_code == 200
    if lost == "permission":
        User.objects.get().user_permissions.clear()
    else:
        User.objects.update(**{lost: False})
    refused = browser.get("/v1/webhooks", **HTML)
    assert refused.status_code == 401
    assert "json" in refused["Content-Type"]
    assert "Exploring as" not in browser.get("/staff/search/").content.decode()


def test_logging_out_ends_it(console: Client, boss: User, partner) -> None:
    console.post(address(partner))
    console.post("/admin/logout/")
    assert console.get("/v1/webhooks", **HTML).status_code == 401
    console.force_login(boss, "django.contrib.auth.backends.ModelBackend")
    assert console.get("/v1/webhooks", **HTML).status_code == 401


# --- Writes --------------------------------------------------------------------------


Write = tuple[str, str, Any]


def writes(slug: str, caller: Caller) -> Iterator[Write]:
    """A request that creates a subscription, one that changes it, and one that deletes
    it where the interface's document has one. Each is asked for when the one before it
    was made."""
    its = case(slug)
    body = its.body(caller, its.fill(caller))
    yield its.create[0], its.create_path(caller), body
    row = Subscription.objects.get()
    request, body = its.form.sample_change(row, URL)
    method, path = request.split(" ")
    yield method, path, body
    for operation in operations(slug):
        above, _, parameter = operation.path.partition("/{")
        is_of_one = above == its.create[1] and parameter.endswith("}")
        if operation.method == "DELETE" and is_of_one:
            yield "DELETE", f"{above}/{row.public_id}", None


def send(browser: Client, write: Write, **headers: Any) -> Any:
    method, path, body = write
    text, media_type = bodies.written(path, body)
    return browser.generic(method, path, text, media_type, **HTML, **headers)


def stored() -> list[Any]:
    return list(Subscription.objects.values())


@pytest.mark.parametrize("slug", SLUGS)
def test_every_write_through_each_interface_names_who_made_it(
    boss: User, partner, slug
) -> None:
    browser, start = strict(boss.username), address(partner)
    begun = browser.post(start, HTTP_X_CSRFTOKEN=token(browser, start))
    assert begun.status_code == 302
    for write in writes(slug, Caller(partner)):
        before = stored()
        assert send(browser, write).status_code in {401, 403}
        assert stored() == before

        written = send(browser, write, HTTP_X_CSRFTOKEN=token(browser, start))
        assert written.status_code < 300, written.content
        assert stored() != before
        entry = AuditEntry.objects.exclude(action="secrets.shown").latest("id")
        assert (entry.actor_kind, entry.actor) == ("staff", "boss")
        assert entry.action.startswith("subscription.")
        assert entry.partner_id == partner.id
        assert entry.dialect == slug


@pytest.mark.parametrize("slug", SLUGS)
def test_without_the_session_only_a_key_opens(
    boss: User, client: Client, partner, slug
) -> None:
    caller = Caller(partner)
    create(slug, caller)
    before = stored()
    nobody, explores_as_nobody = client, strict(boss.username)
    for write in writes(slug, caller):
        for browser in (nobody, explores_as_nobody):
            answer = send(browser, write)
            assert answer.status_code == 401
            assert "json" in answer["Content-Type"]
    assert stored() == before


# --- Paths ---------------------------------------------------------------------------


def opened(console: Client, partner: Partner) -> dict[str, list[Any]]:
    console.post(address(partner))
    groups = console.get(address(partner)).context["groups"]
    return {found.title: list(found.calls) for found in groups}


def test_the_paths_stand_under_their_interfaces(console: Client, partner) -> None:
    found = opened(console, partner)
    assert set(found) == {interface.title for interface in interfaces.all()}
    every = [call for calls in found.values() for call in calls]
    assert {"/v1/webhooks", "/api/portal/v1/me"} <= {call.address for call in every}
    # What only a key may do is not listed.
    assert not any("events/batch" in call.path for call in every)


def test_a_path_names_what_the_partner_has(console: Client, partner) -> None:
    key, _ = factories.key(partner)
    nursa = factories.subscription(partner, "nursa", events=["all"])
    factories.subscription(partner, "partnero", public_id="a/b ?c")
    sent = traffic.delivery(nursa)
    addresses = {
        call.address for calls in opened(console, partner).values() for call in calls
    }
    assert f"/api/ApiKeys/{key.id}/webhook" in addresses
    assert f"/api/v2/public/webhooks/user/{nursa.public_id}" in addresses
    assert "/v1/webhooks/a%2Fb%20%3Fc" in addresses
    assert f"/api/portal/v1/deliveries/{sent.id}/redeliver" in addresses
    # Of another dialect's subscription only what hangs on it is found by the portal's API.
    portal = "/api/portal/v1/subscriptions/a%2Fb%20%3Fc"
    assert f"{portal}/secrets?dialect=partnero" in addresses
    assert portal not in {address.partition("?")[0] for address in addresses}


def test_every_path_that_opens_opens(console: Client, partner) -> None:
    caller = Caller(partner)
    for slug in SLUGS:
        traffic.delivery(create(slug, caller, **case(slug).edited))
    found = opened(console, partner)
    for call in (call for calls in found.values() for call in calls):
        if not call.address:
            assert call.lacks in {"recovery", "subscription"}
            continue
        page = console.get(call.address, **HTML)
        assert page["Content-Type"].startswith("text/html"), call
        assert b"Exploring as" in page.content
        if "GET" in call.methods:
            assert page.status_code < 300, call
        if {"PUT", "POST", "PATCH"} & set(call.methods):
            assert b'name="_content"' in page.content, call


def test_what_is_missing_is_said(console: Client, partner) -> None:
    page = opened(console, partner)
    lacking = {d.lacks for calls in page.values() for d in calls if not d.address}
    assert lacking == {"key", "subscription", "delivery", "recovery"}
    assert "no recovery yet" in console.get(address(partner)).content.decode()


@pytest.mark.once
@pytest.mark.parametrize("rows", [1, 10, 100])
def test_the_paths_cost_the_same_whatever_the_partner_has(
    console: Client, partner, rows, django_assert_max_num_queries
) -> None:
    factories.key(partner)
    for _ in range(rows):
        factories.subscription(partner, "blaze")
    console.post(address(partner))
    with django_assert_max_num_queries(17):
        console.get(address(partner))
