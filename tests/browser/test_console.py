"""What staff do in the console, in a browser."""

import re

import pytest
from playwright.sync_api import Error, Page, expect

from tests import factories
from webhooks.models import ApiKey, AuditEntry, Partner, Subscription

KEY = re.compile(r"whk_[0-9A-Za-z]{10}_\w+")


@pytest.fixture
def partner(live_server) -> Partner:
    return factories.partner(name="Acme Loyalty")


def test_it_creates_a_partner(console: Page) -> None:
    console.goto("/staff/partners/")
    console.get_by_role("link", name="Create the first partner").click()
    console.get_by_label("Name", exact=True).fill("Blue Cow")
    console.get_by_label("Contact email").fill("ops@bluecow.example")
    console.get_by_role("button", name="Create the partner").click()
    expect(console.get_by_text("Blue Cow is created")).to_be_visible()
    assert Partner.objects.get().contact_email == "ops@bluecow.example"


def test_it_shows_an_issued_key_once(console: Page, partner: Partner) -> None:
    console.goto("/staff/keys/")
    console.get_by_role("link", name="Issue a key").click()
    console.get_by_label("Partner", exact=True).fill("acme")
    console.get_by_label("Name", exact=True).fill("billing server")
    console.get_by_role("button", name="Issue the key").click()
    shown = console.locator("#key")
    expect(shown).to_have_text(KEY)
    text = shown.inner_text()
    console.get_by_role("link", name="I have copied it").click()
    expect(console.get_by_text("billing server").first).to_be_visible()
    assert text not in console.content()
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        console.go_back()  # not kept: the browser would have to send the form again
    assert ApiKey.objects.count() == 1


def test_it_blanks_a_key_before_the_browser_keeps_the_page(
    console: Page, partner: Partner
) -> None:
    console.goto(f"/staff/keys/issue/?partner={partner.pk}")
    console.get_by_role("button", name="Issue the key").click()
    expect(console.locator("#key")).to_have_text(KEY)
    console.wait_for_load_state()  # the script listens only then
    console.evaluate("window.dispatchEvent(new Event('pagehide'))")
    assert not KEY.search(console.content())


def test_it_issues_no_second_key_when_the_page_is_loaded_again(
    console: Page, partner: Partner
) -> None:
    console.goto(f"/staff/keys/issue/?partner={partner.pk}")
    console.get_by_role("button", name="Issue the key").click()
    text = console.locator("#key").inner_text()
    console.reload()
    expect(console.get_by_text("No second key was made")).to_be_visible()
    assert text not in console.content()
    assert ApiKey.objects.count() == 1


def test_it_explains_a_refused_url_beside_its_field(
    console: Page, partner: Partner
) -> None:
    subscription = factories.subscription(partner, "partnero")
    before = subscription.urls
    console.goto(f"/staff/subscriptions/{subscription.pk}/edit/")
    console.get_by_role("textbox", name="URL").first.fill("https://169.254.169.254/x")
    console.get_by_role("button", name="Save").click()
    wrong = console.locator(".field.wrong")
    expect(wrong.get_by_role("textbox")).to_have_value("https://169.254.169.254/x")
    expect(wrong.locator(".error")).to_be_visible()
    assert Subscription.objects.get().urls == before


def test_it_revokes_a_key_after_naming_what_follows(
    console: Page, partner: Partner
) -> None:
    key, _ = factories.key(partner, name="leaked")
    factories.subscription(partner, "topiic", api_key=key)
    console.goto(f"/staff/keys/{key.pk}/")
    console.get_by_role("link", name="Revoke").click()
    expect(console.get_by_text("no other key reaches them")).to_be_visible()
    expect(console.get_by_text("is locked out of its API")).to_be_visible()
    console.get_by_role("button", name="Revoke this key").click()
    expect(console.get_by_text("every API refuses it from now on")).to_be_visible()
    assert ApiKey.objects.get().is_revoked


def test_it_deletes_a_subscription_after_asking_in_words(
    console: Page, partner: Partner
) -> None:
    subscription = factories.subscription(partner, "blaze")
    console.goto(f"/staff/subscriptions/{subscription.pk}/")
    console.get_by_role("link", name="Delete").click()
    expect(console.get_by_text("This cannot be undone")).to_be_visible()
    console.get_by_role("button", name="Delete").click()
    expect(console.get_by_text("It is deleted: its partner")).to_be_visible()
    assert Subscription.objects.get().deleted_at is not None


def test_it_writes_as_a_partner_in_the_browsable_api(
    console: Page, partner: Partner
) -> None:
    console.goto(f"/staff/partners/{partner.pk}/")
    console.get_by_role("link", name="Explore as this partner").click()
    console.get_by_role("button", name="Explore as Acme Loyalty").click()
    console.get_by_role("link", name="/v1/webhooks", exact=True).click()
    banner = console.get_by_role("banner")
    expect(banner).to_contain_text("Exploring as Acme Loyalty")
    console.get_by_role("textbox", name="Content").fill(
        '{"url": "https://hooks.example.org/a", "events": ["customer.created"],'
        ' "name": "From the browser", "is_active": true}'
    )
    console.get_by_role("button", name="POST").click()
    expect(console.get_by_text("HTTP 20")).to_be_visible()
    expect(console.get_by_text("From the browser")).to_be_visible()
    made = Subscription.objects.get()
    assert made.partner == partner
    entry = AuditEntry.objects.get(action="subscription.created")
    assert (entry.actor, entry.actor_kind) == ("boss", "staff")
    console.get_by_role("button", name="Leave").click()
    expect(console.get_by_role("heading", name="Acme Loyalty").first).to_be_visible()
    # Without the session it answers as it always does.
    assert console.request.get("/v1/webhooks").status == 401
