"""A real Chromium before a real server, and an eye on everything it complains about.

Without a browser these tests are skipped.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from tests.waiting import PATIENCE

from .watching import watched

PASSWORD = "correct horse battery"
# A page is given as long as anything else that a test waits for.
expect.set_options(timeout=PATIENCE * 1000)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In processes of their own: Playwright runs on greenlets, and a thread that ends
    while they are in its process can make greenlet wait for ever (3.x, seen 2026-11-21).
    Once, since a browser shows what pages do, and the staff tests what databases do."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.once)


def _chromium() -> str | None:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    return found if found and Path(found).exists() else None


# Not for the session: while it is started, its event loop runs in this thread, and the
# tests of other rooms could neither ask the database nor run a loop of their own.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as started:
        # Here it is known that nothing awaits while a test asks the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    path = _chromium()
    if path is None:
        pytest.skip(
            "no Chromium: install Debian's `chromium`, or set CHROMIUM to its path"
        )
    browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(autouse=True)
def _foreign_templates(templates_of_others) -> None:
    pass


def log_in(context: BrowserContext, user: User, url: str) -> None:
    """Give the browser a session of the user, which costs no pages to load."""
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": url}])


@pytest.fixture
def page(chromium: Browser, live_server) -> Iterator[Page]:
    with watched(chromium, live_server.url, size=(1280, 900)) as page:
        yield page


@pytest.fixture
def boss(live_server) -> User:
    return User.objects.create_superuser("boss", "boss@example.com", PASSWORD)


@pytest.fixture
def console(page: Page, boss: User, live_server) -> Page:
    """A browser in which a superuser is logged in."""
    log_in(page.context, boss, live_server.url)
    page.goto("/staff/")
    return page
