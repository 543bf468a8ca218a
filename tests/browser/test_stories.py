"""What staff come to do, from the first click to the last, with nothing made up.

`manage.py up` runs as an operator starts it: web, delivery worker, a login that is printed
once. The receiver is a server of its own; a person with a browser does everything else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from standardwebhooks import Webhook, WebhookVerificationError

from tests.management import portal
from tests.ports import free_port
from tests.receiver import Receiver, Request
from tests.waiting import PATIENCE

from .watching import watched

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
OWN_PASSWORD = "a long phrase of one's own"
PASSWORD = r"log in as (\w+) with the password (\S+)"
SETTINGS = "/api/partner/v1/webhook-settings"  # Capa's


@dataclass
class House:
    """A portal that runs, and who may log in."""

    url: str
    username: str
    password: str


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    port = free_port()
    with (
        portal.fresh_database(folder) as database_url,
        portal.Running(
            "up",
            "--bind",
            f"127.0.0.1:{port}",
            "--no-sample",
            database_url=database_url,
            log=Path(folder) / "log",
        ) as running,
    ):
        running.wait_for("Ctrl-C stops")
        username, password = running.wait_for(PASSWORD).groups()
        yield House(f"http://127.0.0.1:{port}", username, password)


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(chromium: Browser, house: House, size: str) -> Iterator[Page]:
    """A browser in which somebody has just logged in."""
    with watched(chromium, house.url, size=SIZES[size]) as page:
        page.goto("/staff/")
        page.get_by_label("Username").fill(house.username)
        page.get_by_label("Password").fill(house.password)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(re.compile(r"/staff/(account/password/.*)?$"))
        if house.password != OWN_PASSWORD:  # the first login, by the printed one
            page.get_by_label("Your password").fill(house.password)
            page.get_by_label("The new password", exact=True).fill(OWN_PASSWORD)
            page.get_by_label("The new password again").fill(OWN_PASSWORD)
            page.get_by_role("button", name="Change it").click()
            page.wait_for_url("**/staff/")
            house.password = OWN_PASSWORD
        yield page


def click(page: Page, name: str, role: str = "link") -> None:
    page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]


def create_partner(page: Page, name: str) -> None:
    page.goto("/staff/partners/")
    click(page, "New partner")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Contact").fill("ops@example.com")
    page.locator("form button.primary").last.click()
    expect(page.get_by_role("heading", name=name).first).to_be_visible()


def subscribe(page: Page, url: str) -> str:
    """From the partner's page; the address of the subscription's."""
    click(page, "New subscription")
    page.get_by_label("Dialect").select_option(label="Portal API")
    click(page, "Continue", "button")
    page.get_by_role("textbox", name="URL").first.fill(url)
    expect(page.get_by_label("Every event, also of future types")).to_be_checked()
    click(page, "Create it", "button")
    expect(page.get_by_role("heading", name="What the partner sees")).to_be_visible()
    return page.url


def publish(page: Page, partner: str, type: str = "order.created") -> None:
    page.goto(f"/staff/events/publish/?type={type}")
    page.get_by_label("Partner", exact=True).fill(partner)
    click(page, "Publish it", "button")
    expect(page.get_by_role("heading", name="Deliveries")).to_be_visible()


def issue_key(page: Page, partner: str) -> str:
    page.goto("/staff/keys/issue/")
    page.get_by_label("Partner", exact=True).fill(partner)
    page.get_by_label("Name", exact=True).fill("billing server")
    click(page, "Issue the key", "button")
    key = page.locator("[data-shown-once]").inner_text()
    assert key.startswith("whk_")
    return key


def put_settings(house: House, key: str, url: str) -> requests.Response:
    """What the partner's own program does."""
    return requests.put(
        f"{house.url}{SETTINGS}",
        headers={"partner-api-key": key},
        json={"url": url},
        timeout=PATIENCE,
    )


def verifies(secret: str, request: Request) -> bool:
    try:
        Webhook(secret).verify(request.body, dict(request.headers))
    except WebhookVerificationError:
        return False
    return True


def test_from_the_first_login_to_a_working_webhook(
    page: Page, receiver: Receiver, size: str
) -> None:
    name = f"First of {size}"
    expect(page.get_by_role("heading", name="Needs attention")).to_be_visible()
    create_partner(page, name)
    address = subscribe(page, receiver.url("/hook"))

    click(page, "Send a test")
    click(page, "Send it", "button")
    expect(page.get_by_text("It arrived.")).to_be_visible()
    # And so says the page around it, which was read while it was on its way.
    expect(page.locator("#recent")).to_contain_text("Delivered")
    expect(page.locator("#chart")).to_contain_text("100 %")
    (test,) = receiver.wait_for(1)
    assert test.path == "/hook"

    publish(page, name)
    receiver.wait_for(2)
    page.get_by_role("link", name=receiver.url("/hook")).click()
    expect(page.get_by_text("It arrived at")).to_be_visible()

    page.goto(address)
    expect(page.locator("#api-preview")).to_contain_text(receiver.url("/hook"))
    page.goto("/staff/")
    expect(page.get_by_role("cell", name=name)).to_be_visible()


def test_a_failing_endpoint_is_found_mended_and_what_it_missed_recovered(
    page: Page, receiver: Receiver, size: str
) -> None:
    name = f"Moved on {size}"
    receiver.answer("/old", status=410)
    create_partner(page, name)
    subscribe(page, receiver.url("/old"))
    publish(page, name)
    receiver.wait_for(1)
    publish(page, name, "customer.created")  # while nobody is there
    publish(page, name, "order.updated")

    page.goto("/staff/")
    alerts = page.locator(".alerts")
    expect(alerts).to_contain_text("The receiver answered 410 Gone.")
    alerts.get_by_role("link", name=name).click()
    expect(page.get_by_text(receiver.url("/old")).first).to_be_visible()

    click(page, "Edit")
    page.get_by_role("textbox", name="URL").first.fill(receiver.url("/new"))
    click(page, "Save", "button")
    expect(page.locator("#api-preview")).to_contain_text(receiver.url("/new"))

    click(page, "Replay failed deliveries")
    page.get_by_text("Missed", exact=True).click()
    page.get_by_role("button", name="Preview").click()
    click(page, "Send 3 again", "button")
    arrived = receiver.wait_for(4)
    assert [request.path for request in arrived[1:]] == ["/new"] * 3
    # The first of them under the id that it had the first time.
    ids = [request.header("webhook-id") for request in arrived]
    assert len(set(ids)) == 3
    assert ids[0] in ids[1:]
    expect(page.get_by_text("3 delivered")).to_be_visible()


def test_a_key_that_leaked_is_found_and_revoked(
    page: Page, house: House, receiver: Receiver, size: str
) -> None:
    name = f"Careless {size}"
    create_partner(page, name)
    key = issue_key(page, name)
    assert put_settings(house, key, receiver.url("/hook")).status_code == 200

    page.goto("/staff/")
    if size == "phone":  # where the box has a page to itself
        click(page, "Search")
        page.get_by_role("searchbox").focus()
    else:
        page.keyboard.press("/")
    page.keyboard.type(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="billing server").first).to_be_visible()
    assert key not in page.url
    assert key not in page.content()

    click(page, "Revoke")
    expect(page.get_by_text("is locked out of its API")).to_be_visible()
    page.locator("form button.danger").click()
    expect(page.get_by_text("revoked").first).to_be_visible()
    refused = put_settings(house, key, receiver.url("/taken"))
    assert refused.status_code == 401

    again = issue_key(page, name)
    assert put_settings(house, again, receiver.url("/hook")).status_code == 200


def test_a_secret_is_rotated_and_no_delivery_fails(
    page: Page, receiver: Receiver, size: str
) -> None:
    name = f"Careful {size}"
    create_partner(page, name)
    address = subscribe(page, receiver.url("/hook"))
    click(page, "Reveal", "button")
    old = page.locator("[data-shown-once]").inner_text()
    publish(page, name)
    (first,) = receiver.wait_for(1)
    assert verifies(old, first)

    page.goto(address)
    click(page, "Rotate")
    click(page, "Rotate the secret", "button")
    new = page.locator("[data-shown-once]").inner_text()
    assert new != old
    publish(page, name)
    _, second = receiver.wait_for(2)
    assert verifies(old, second)
    assert verifies(new, second)

    page.goto(address)
    click(page, "Rotate")
    expect(page.get_by_text("A rotation is still under way")).to_be_visible()
    page.goto(address)
    expect(page.locator(".secrets > li")).to_have_count(2)
    page.goto("/staff/deliveries/?state=failed")
    expect(page.get_by_text(receiver.url("/hook"))).to_have_count(0)


def test_exploring_as_a_partner_ends_when_it_is_left(
    page: Page, house: House, receiver: Receiver, size: str
) -> None:
    name = f"Explored {size}"
    create_partner(page, name)
    click(page, "Explore as this partner")
    click(page, f"Explore as {name}", "button")
    page.get_by_role("link", name="/api/v1/partner/webHooks", exact=True).click()
    expect(page.get_by_text(f"Exploring as {name}")).to_be_visible()
    form = page.locator("form", has=page.get_by_role("button", name="POST")).last
    form.get_by_label("Content").fill(
        f'{{"webHookUrls": ["{receiver.url("/blaze")}"], "webHookType": "NEW_MEMBER"}}'
    )
    form.get_by_role("button", name="POST").click()
    expect(page.get_by_text(receiver.url("/blaze")).first).to_be_visible()

    page.goto("/staff/")
    expect(page.get_by_text(name).first).to_be_visible()  # the banner
    page.get_by_role("button", name="Leave").first.click()
    page.goto("/staff/audit/?action=subscription.created")
    expect(page.get_by_role("row").nth(1)).to_contain_text(house.username)
    left = page.request.get("/api/v1/partner/webHooks", headers={"Accept": "text/html"})
    assert left.status == 401
