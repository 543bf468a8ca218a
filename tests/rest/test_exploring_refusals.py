"""What every operation of every interface answers to a browser that explores it wrongly."""

import html
import json
import re

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from tests import factories
from webhooks.models import Partner

from .test_every_operation import operations

pytestmark = [pytest.mark.django_db, pytest.mark.ignore_template_errors]

ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def partner() -> Partner:
    return factories.partner()


@pytest.fixture
def browser(partner: Partner) -> Client:
    """One that explores as `partner`, and whose forms need their token."""
    cache.clear()
    boss = User.objects.create_superuser("boss")
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss, BACKEND)
    page = client.get(f"/staff/partners/{partner.pk}/explore/").content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    client.post(
        f"/staff/partners/{partner.pk}/explore/", {"csrfmiddlewaretoken": found[1]}
    )
    return client


def answer_in(page: str) -> str:
    """What the interface answered, out of the page around it, without its headers."""
    text = re.search(r'(?s)<div class="response-info"[^>]*>(.*?)</div>', page)
    assert text, page
    _, _, body = html.unescape(re.sub(r"<[^>]+>", "", text[1])).partition("\n\n")
    return body


def addressed(path: str) -> str:
    return re.sub("<[^>]+>", "00000000-0000-7000-8000-000000000000", path)


# Also by a method that the path does not take.
PATHS = sorted({path for _, path, _ in operations()})
CHANGES = [
    (verb, path) for path in PATHS for verb in ("POST", "PUT", "PATCH", "DELETE")
]
READS = [(verb, path) for path in PATHS for verb in ("GET", "HEAD", "OPTIONS")]


def is_json(text: str) -> bool:
    """Or nothing, which the answer to a HEAD is."""
    try:
        return not text.strip() or isinstance(json.loads(text), dict)
    except json.JSONDecodeError:
        return False


def wrong(browser: Client, asked, headers) -> list[str]:
    """The operations that are not refused as the interface refuses, each with its answer."""
    found = []
    for method, path in asked:
        cache.clear()
        answer = browser.generic(
            method,
            addressed(path),
            "{}",
            "application/json",
            headers={"Accept": ACCEPT, **headers},
        )
        text = answer.content.decode()
        is_page = answer["Content-Type"].startswith("text/html")
        body = answer_in(text) if is_page and text else text
        if answer.status_code not in (401, 403, 404, 405) or not is_json(body):
            found.append(f"{method} {path}: {answer.status_code} {body[:200]}")
    return found


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-CSRFToken": "x" * 64},
        {"X-CSRFToken": "x\xe9"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_form_without_its_token_is_refused_in_the_interfaces_shape(browser, headers):
    assert not wrong(browser, CHANGES, headers)


@pytest.mark.parametrize(
    "ended", ["deleted", "inactive", "left", "logged out", "no rights"]
)
def test_exploring_that_has_ended_is_refused_in_the_interfaces_shape(
    browser, partner, ended
):
    session = browser.session
    if ended == "deleted":
        session["explored_partner"] = "00000000-0000-7000-8000-000000000000"
    elif ended == "inactive":
        Partner.objects.filter(pk=partner.pk).update(is_active=False)
    elif ended == "left":
        session.pop("explored_partner")
    elif ended == "no rights":
        User.objects.update(is_superuser=False)
    session.save()
    if ended == "logged out":
        session.flush()
    assert not wrong(browser, CHANGES + READS, {})
