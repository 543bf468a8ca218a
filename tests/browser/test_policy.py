"""Under the policy everything works: no evaluated string, no inline script or style.

What unfold's frame does in a browser is done here, because Alpine's build for such a policy
stands in the place of unfold's own (docs/adr/0011).
"""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
import unfold
from django.contrib.staticfiles import finders
from playwright.sync_api import Page, expect
from unfold.settings import CONFIG_DEFAULTS

from tests import factories
from webhooks.models import Subscription

# Looked through on 2026-11-21, with the Alpine that it brings.
UNFOLD, ALPINE = "0.91.0", "3.14.9"
READ = """() => {
  const mute = [];
  const read = (element, {name, value}) => {
    if (!/^(x-(data|init|show|if|text|bind:|on:|model|effect|resize|id)|@|:)/.test(name)) return;
    if (!value) return;
    const expression = value.trim().replace(/;$/, "");
    try {
      Alpine.evaluateRaw(document.body, `false && (${expression})`);
    } catch (error) {
      mute.push(`${element.tagName} ${name}="${value}": ${error.message}`);
    }
  };
  const walk = (root) => root.querySelectorAll("*").forEach((element) => {
    [...element.attributes].forEach((attribute) => read(element, attribute));
    if (element instanceof HTMLTemplateElement) walk(element.content);
  });
  walk(document);
  return mute;
}"""


@pytest.fixture
def subscription(live_server) -> Subscription:
    return factories.subscription(factories.partner(name="Acme Loyalty"), "blaze")


def test_unfold_is_the_one_that_was_looked_through() -> None:
    """At an upgrade: read what changed in its Alpine and in the expressions of its
    templates, bring frame.js, frame.css and our alpine.js along, then raise this."""
    own = Path(unfold.__file__).parent / "static/unfold/js/alpine/alpine.js"
    assert f'version:"{ALPINE}"' in own.read_text()
    assert version("django-unfold") == UNFOLD


def test_our_alpine_stands_before_unfolds() -> None:
    found = Path(str(finders.find("unfold/js/alpine/alpine.js"))).read_text()
    assert "CSP Parser Error" in found
    assert "AsyncFunction" not in found


def test_every_colour_of_unfold_has_its_name() -> None:
    ours = Path(str(finders.find("webhooks/frame.css"))).read_text()
    names = re.findall(r"--color-([\w-]+):", ours)
    assert names == [
        f"{colour}-{weight}"
        for colour, weights in CONFIG_DEFAULTS["COLORS"].items()
        for weight in weights
    ]


def test_no_page_allows_more_than_files_of_its_own(console: Page) -> None:
    answer = console.goto("/staff/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "script-src 'self';" in f"{policy};"  # in any order


def test_the_sidebar_folds_away_and_stays_so(console: Page) -> None:
    sidebar = console.locator("#nav-sidebar")
    expect(sidebar).to_be_visible()
    console.get_by_text("dock_to_right").locator("visible=true").click()
    expect(sidebar).to_be_hidden()
    console.reload()
    expect(sidebar).to_be_hidden()
    console.get_by_text("dock_to_right").locator("visible=true").click()
    expect(sidebar).to_be_visible()
    console.reload()
    expect(sidebar).to_be_visible()


def test_the_sidebar_opens_on_a_phone(console: Page) -> None:
    console.set_viewport_size({"width": 390, "height": 844})
    expect(console.locator("#nav-sidebar")).to_be_hidden()
    console.get_by_text("dock_to_right").locator("visible=true").click()
    expect(console.locator("#nav-sidebar")).to_be_visible()


def test_the_theme_is_chosen_and_kept(console: Page) -> None:
    html = console.locator("html")
    for chosen, light in (("Dark", False), ("Light", True)):
        console.locator("[x-on\\:click='openUserLinks = !openUserLinks']").click()
        console.get_by_text(chosen, exact=True).click()
        expect(html).to_have_class(re.compile("light" if light else "dark"))
        console.reload()
        expect(html).to_have_class(re.compile("light" if light else "dark"))


def test_a_list_is_filtered_and_searched(console: Page, subscription) -> None:
    console.goto("/admin/webhooks/subscription/")
    console.locator("[x-on\\:click='filterOpen = true']").click()
    drawer = console.locator("#changelist-filter")
    expect(drawer).to_be_visible()
    console.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    console.keyboard.press("/")
    expect(console.locator("#searchbar")).to_be_focused()


def test_a_choice_is_looked_up_while_typing(console: Page, subscription) -> None:
    console.goto("/admin/webhooks/subscription/")
    console.locator("[x-on\\:click='filterOpen = true']").click()
    partner = console.locator(".select2-selection").last
    partner.click()
    console.locator(".select2-search__field").last.fill("Acme")
    console.get_by_role("option", name="Acme Loyalty").click()
    expect(partner).to_contain_text("Acme Loyalty")


def test_the_palette_opens_and_finds(console: Page) -> None:
    console.keyboard.press("Control+k")
    sought = console.locator("[x-ref=searchInputCommand]")
    expect(sought).to_be_focused()
    sought.press_sequentially("Endpoint")
    expect(console.locator("#command-results-list li").first).to_be_visible()
    sought.press("ArrowDown")
    sought.press("Enter")
    console.wait_for_url("**/admin/webhooks/endpoint*/")


def test_every_expression_of_a_page_can_be_read(console: Page, subscription) -> None:
    for address in (
        "/staff/",
        "/admin/",
        "/admin/webhooks/subscription/",
        f"/admin/webhooks/subscription/{subscription.pk}/change/",
        f"/admin/webhooks/partner/{subscription.partner_id}/change/",
        "/admin/auth/user/",
        "/staff/account/password/",
    ):
        console.goto(address)
        assert console.evaluate(READ) == [], address
