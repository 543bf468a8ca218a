"""A console over `month`, and the browser that takes its pictures."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, sync_playwright

from tests.management import portal

from . import month

LOGIN = ("mia", "a console to look at")
IMAGES = Path(__file__).resolve().parents[2] / "docs/images"
DESKTOP, PHONE = (1280, 860), (390, 844)


@dataclass(frozen=True)
class Console:
    address: str
    made: month.Made

    def take(self) -> None:
        """Every picture, by its name in docs/images."""
        failing, given_up = self.made.failing, self.made.exhausted
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu"],
            )
            page = browser.new_page(
                base_url=self.address, timezone_id="Europe/Berlin", locale="en-GB"
            )
            _log_in(page)
            for name, path, theme, (width, height) in (
                ("console", "", "light", DESKTOP),
                ("partner", f"partners/{failing.partner_id}/", "light", DESKTOP),
                ("subscription", f"subscriptions/{failing.pk}/", "light", DESKTOP),
                ("delivery", f"deliveries/{given_up.pk}/", "light", DESKTOP),
                ("dark", "deliveries/", "dark", DESKTOP),
                ("phone", "", "light", PHONE),
            ):
                page.set_viewport_size({"width": width, "height": height})
                chosen = "theme => localStorage.setItem('adminTheme', theme)"
                page.evaluate(chosen, f'"{theme}"')
                page.goto(f"/staff/{path}", wait_until="networkidle")
                page.screenshot(path=IMAGES / f"{name}.png")
            browser.close()


@contextmanager
def console(database_url: str, folder: Path) -> Iterator[Console]:
    call_command("migrate", verbosity=0)
    name, password = LOGIN
    User.objects.create_superuser(name, f"{name}@example.com", password)
    made = month.make(timezone.now())
    log = folder / "log"
    with portal.serving(database_url=database_url, log=log) as (port, _):
        yield Console(f"http://127.0.0.1:{port}", made)


def _log_in(page: Page) -> None:
    name, password = LOGIN
    page.goto("/staff/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/staff/")
