"""Nothing bars anyone: axe-core on every page, light and dark, on a desktop and on a phone.

Each page must also fit its window; what it complains about, or fetches elsewhere, fails
in the fixture `page`. axe-core judges what can be judged without a person.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, Route, expect

from tests.staff.test_second_factor import code_now
from webhooks.models import Authenticator, Partner
from webhooks.operations import people

from . import addresses
from .conftest import PASSWORD

# theme -> the size of its window. The smallest phones sold today are 360 wide.
LOOKS = {"light": (1280, 900), "dark": (360, 740)}


@pytest.fixture(params=LOOKS)
def looked(request, console: Page) -> Page:
    theme = request.param
    width, height = LOOKS[theme]
    console.evaluate("theme => localStorage.setItem('adminTheme', theme)", f'"{theme}"')
    console.set_viewport_size({"width": width, "height": height})
    console.emulate_media(color_scheme=theme, reduced_motion="reduce")
    return console


@pytest.fixture
def staff(boss) -> Client:
    client = Client()
    client.force_login(boss, "django.contrib.auth.backends.ModelBackend")
    return client


def findings(page: Page) -> Iterator[str]:
    """What keeps somebody from using this page."""
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wide > 0:
        yield f"{wide} px wider than its window"
    for violation in Axe().run(page).response["violations"]:
        if violation["impact"] in {"serious", "critical"}:
            for node in violation["nodes"]:
                yield f"{violation['id']}: {node['html'][:160]} ({node['failureSummary'][-160:]})"


def look_at(page: Page, pages: list[str]) -> dict[str, list[str]]:
    found = {}
    for address in pages:
        page.goto(address)
        found[address] = list(findings(page))
    return {address: bars for address, bars in found.items() if bars}


def test_no_staff_page_bars_anyone(looked: Page, staff: Client) -> None:
    pages = addresses.shown(staff, addresses.staff(addresses.rows()))
    assert look_at(looked, pages) == {}


def test_no_page_of_the_admin_bars_anyone(request, looked: Page, staff: Client) -> None:
    """Every page in one look, and every kind of page in both: they are one template."""
    pages = addresses.shown(staff, addresses.admin(addresses.rows()))
    half = list(LOOKS).index(request.node.callspec.params["looked"])
    assert look_at(looked, pages[half::2]) == {}


def test_no_page_for_everybody_bars_anyone(looked: Page) -> None:
    looked.context.clear_cookies()
    assert look_at(looked, addresses.PUBLIC) == {}


def test_no_page_of_a_refusal_bars_anyone(looked: Page, staff: Client) -> None:
    wrong = {"username": "nobody", "password": "wrong"}
    stranger = Client()
    for answer in (
        staff.get("/nothing-here"),
        staff.get("/staff/partners/00000000-0000-7000-8000-000000000000/"),
        staff.post("/admin/webhooks/worker/0/change/"),
        staff.post("/staff/partners/new/", {"name": ""}),
        *(stranger.post("/admin/login/", wrong) for _ in range(6)),
    ):
        assert look_at_answer(looked, answer) == {}, answer.request["PATH_INFO"]


def test_no_page_of_a_login_bars_anyone(looked: Page, settings) -> None:
    """From a password that somebody else has set to the codes of the second factor."""
    user = User.objects.create_superuser("grace", password=PASSWORD)
    people.require_own_password(user=user)
    settings.REQUIRE_SECOND_FACTOR = True
    code, account = {"code": "000000"}, "/staff/account"
    fresh, mine = "another long phrase", {"password": PASSWORD}
    client = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox"})

    def post(address: str, fields: dict[str, str]) -> Any:
        return client.post(address, fields, follow=True)

    seen = [
        post("/admin/login/", {"username": "grace", **mine}),
        post(f"{account}/password/", mine),
        post(f"{account}/password/", {**mine, "new": fresh, "again": fresh}),
        post(f"{account}/second-factor/", mine),
        post(f"{account}/second-factor/", {"password": fresh}),
        post(f"{account}/second-factor/confirm/", code),
        # After a wrong one it waits for a second.
        post(f"{account}/second-factor/confirm/", code),
    ]
    Authenticator.objects.update(throttling_failure_timestamp=None)
    seen += [
        post(f"{account}/second-factor/confirm/", {"code": code_now()}),
        *(client.get(f"{account}/{page}") for page in _WITH_A_FACTOR),
        post(f"{account}/second-factor/remove/", {"password": "guess", **code}),
        client.post("/admin/logout/"),
        post("/admin/login/", {"username": "grace", "password": fresh}),
        post("/staff/login/code/", code),
    ]
    pages = "".join(each.content.decode() for each in seen)
    titles = re.findall(r"<title>\s*([^|<]*?)\s*[|<]", pages)
    assert titles == _TITLES
    for answer in seen:
        assert look_at_answer(looked, answer) == {}, answer.request["PATH_INFO"]


_TITLES = [
    *["Change your password"] * 2,
    *["Set up a second factor"] * 5,
    "Keep these codes",
    "Your account",
    "Make new recovery codes?",
    "Remove the second factor?",
    "Log out everywhere else?",
    "Remove the second factor?",
    "Logged out",
    *["One more step"] * 2,
]
_WITH_A_FACTOR = (
    "",
    "second-factor/codes/",
    "second-factor/remove/",
    "sessions/end/",
)


def look_at_answer(page: Page, answer: Any) -> dict[str, list[str]]:
    # As a page that was found: the browser itself would complain about the status.
    page.route("**/shown", partial(_fulfil, answer.content.decode()))
    found = look_at(page, ["/shown"])
    page.unroute("**/shown")
    return found


def _fulfil(body: str, route: Route) -> None:
    route.fulfill(body=body, content_type="text/html; charset=utf-8")


def test_no_page_of_the_browsable_api_bars_anyone(looked: Page, staff: Client) -> None:
    partner = addresses.rows()[Partner]
    looked.goto(f"/staff/partners/{partner.pk}/explore/")
    looked.get_by_role("button", name="Explore as").click()
    listed = looked.locator("a[href^='/v'], a[href^='/api/']").evaluate_all(
        "links => [...new Set(links.map(link => link.getAttribute('href')))]"
    )
    html = {"Accept": "text/html"}
    found = [a for a in listed if looked.request.get(a, headers=html).ok]
    assert len(found) > 3
    assert look_at(looked, found[:6]) == {}


def test_the_keyboard_goes_past_the_menu(console: Page) -> None:
    console.goto("/staff/partners/")
    console.keyboard.press("Tab")
    skip = console.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    console.keyboard.press("Enter")
    console.keyboard.press("Tab")
    expect(console.locator("#content :focus")).to_have_count(1)
