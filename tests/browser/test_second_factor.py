"""The second factor as its owner meets it: set up, asked for, the phone lost.

An authenticator app is what knows the key that the page shows; here it is `App`.
"""

import re
import time
from base64 import b32decode
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django_otp.oath import totp
from playwright.sync_api import Browser, Page, expect

from webhooks.models import AuditEntry, RecoveryCode

from .conftest import PASSWORD
from .watching import watched

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
STEP = 30
SECRET = re.compile(r"^[A-Z2-7 ]{32,}$")


class App:
    """Computes codes of the key that was typed into it, each once."""

    def __init__(self, key: str) -> None:
        self._key = b32decode(key.replace(" ", ""))
        self._last = 0

    def code(self) -> str:
        # Each is taken once: rather than wait for the next it goes ahead, as a phone's
        # clock may.
        now = int(time.time()) // STEP
        self._last = max(now, self._last + 1)
        return f"{totp(self._key, step=STEP, drift=self._last - now):06}"


@pytest.fixture(params=SIZES)
def page(request, chromium: Browser, live_server) -> Iterator[Page]:
    with watched(chromium, live_server.url, size=SIZES[request.param]) as page:
        yield page


def log_in(page: Page) -> None:
    page.goto("/staff/keys/")
    page.get_by_label("Username").fill("boss")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def answer(page: Page, code: str, button: str = "Log in") -> None:
    page.get_by_role("textbox", name="Code").fill(code)
    page.get_by_role("button", name=button, exact=True).click()


def set_up(page: Page) -> tuple[App, list[str]]:
    """From one's account; the app that holds the key, and the recovery codes."""
    page.goto("/staff/account/")
    page.get_by_role("link", name="Set it up").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    app = App(page.locator("code", has_text=SECRET).inner_text())
    answer(page, app.code(), "Confirm")
    expect(page.get_by_text("from now on you are asked for a code")).to_be_visible()
    return app, page.locator("[data-shown-once]").inner_text().split()


def test_it_is_set_up_asked_for_and_replaced_by_a_recovery_code(
    console: Page, boss: User
) -> None:
    app, codes = set_up(console)
    assert len(codes) == 10

    console.context.clear_cookies()
    log_in(console)
    expect(console.get_by_role("heading", name="One more step")).to_be_visible()
    console.goto("/staff/keys/")  # there is no way around it
    expect(console.get_by_role("heading", name="One more step")).to_be_visible()

    answer(console, "000000")
    wrong = console.locator(".field.wrong")
    expect(wrong).to_contain_text("This is not the code of this moment")
    console.wait_for_timeout(1_100)  # after a wrong one it asks for a second's patience
    answer(console, app.code())
    expect(console.get_by_role("heading", name="API keys")).to_be_visible()

    console.context.clear_cookies()  # and the phone is lost
    log_in(console)
    answer(console, codes[0])
    expect(console.get_by_role("heading", name="API keys")).to_be_visible()
    assert RecoveryCode.objects.filter(used_at=None).count() == 9
    assert AuditEntry.objects.filter(action="factor.recovery_code_used").count() == 1

    console.context.clear_cookies()  # whoever finds the paper is not let in by it
    log_in(console)
    answer(console, codes[0])
    expect(console.locator(".field.wrong")).to_be_visible()


def test_the_way_in_needs_no_javascript(
    chromium: Browser, live_server, page: Page, boss: User
) -> None:
    log_in(page)
    app, _ = set_up(page)
    context = chromium.new_context(
        base_url=live_server.url, java_script_enabled=False, viewport=page.viewport_size
    )
    plain = context.new_page()
    log_in(plain)
    answer(plain, app.code())
    expect(plain.get_by_role("heading", name="API keys")).to_be_visible()
    context.close()
