"""No page has an id twice: a label that is clicked would reach the wrong field."""

import re
from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests import factories
from tests.browser import addresses
from webhooks.rest import interfaces

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("templates_of_others")]

_ID = re.compile(r"""<[a-zA-Z][^>]*?\sid=["']?([^"'\s>]+)""")


def twice(page: str) -> list[str]:
    """The ids that are there more than once; scripts and styles are no page."""
    text = re.sub(r"(?s)<(script|style|template)\b.*?</\1>", "", page)
    return [id for id, count in Counter(_ID.findall(text)).items() if count > 1]


@pytest.fixture
def boss(transactional_db: None) -> Client:
    user = User.objects.create_superuser("boss", password="a-password-of-length")
    client = Client()
    client.force_login(user)
    return client


def test_it_finds_an_id_that_is_there_twice() -> None:
    assert twice('<p id="a"><b id=a></b><i id="b">') == ["a"]


def test_no_page_of_the_console_or_the_admin_has_an_id_twice(boss: Client) -> None:
    rows = addresses.rows()
    found = [*addresses.staff(rows), *addresses.admin(rows), *addresses.PUBLIC]
    pages = addresses.shown(boss, found)
    assert len(pages) > 40
    repeated = {
        address: ids
        for address in pages
        if (ids := twice(boss.get(address).content.decode()))
    }
    assert repeated == {}


@pytest.mark.parametrize("slug", [each.slug for each in interfaces.all()])
def test_no_form_of_an_interface_has_an_id_twice(boss: Client, slug: str) -> None:
    partner: Any = factories.partner()
    factories.key(partner)
    address = f"/staff/subscriptions/new/?partner={partner.id}&dialect={slug}"
    page = boss.get(address).content.decode()
    assert 'name="max_in_flight"' in page
    assert twice(page) == []
    # Each label leads to a field that is there.
    ids = set(_ID.findall(page))
    assert set(re.findall(r'<label[^>]*\sfor="([^"]+)"', page)) <= ids
