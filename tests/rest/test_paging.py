"""Pages by key, for any interface."""

from base64 import urlsafe_b64encode

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from tests import factories
from webhooks.console.paging import Keyset
from webhooks.models import Partner
from webhooks.rest import paging

pytestmark = pytest.mark.django_db

OLDEST_FIRST = Keyset("created_at", "id", is_ascending=True)
BY_NAME = Keyset("name", "id", is_ascending=True)


@pytest.mark.parametrize("keyset", [OLDEST_FIRST, BY_NAME, Keyset("id")])
def test_it_leads_through_every_row_once(keyset):
    made = [factories.partner(name=f"A ~ \u00e9 {n}") for n in range(5)]
    rows, cursor, seen, sizes = Partner.objects.all(), None, [], []
    while True:
        page = paging.page(rows, keyset, limit=2, cursor=cursor)
        seen += page.rows
        sizes.append(len(page.rows))
        if (cursor := page.next) is None:
            break
    assert sizes == [2, 2, 1]
    assert seen == list(keyset.ordered(rows))
    assert {row.pk for row in seen} == {row.pk for row in made}


@pytest.mark.parametrize("keyset", [OLDEST_FIRST, BY_NAME, Keyset("id")])
def test_it_goes_on_behind_a_row(keyset):
    for _ in range(5):
        factories.partner()
    rows = list(keyset.ordered(Partner.objects.all()))
    page = paging.page(Partner.objects.all(), keyset, limit=2, after=rows[1])
    assert page.rows == rows[2:4]
    assert page.next is not None
    last = paging.page(Partner.objects.all(), keyset, limit=2, after=rows[2])
    assert (last.rows, last.next) == (rows[3:], None)


def test_it_has_no_next_page_when_the_last_is_full():
    for _ in range(2):
        factories.partner()
    assert paging.page(Partner.objects.all(), OLDEST_FIRST, limit=2).next is None


def encoded(text):
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "!", "\u00e9", "====", "_w"),
        *map(
            encoded, ["", "~", "2026-01-01~x", "x~" + "0" * 32, "2026-02-30~1", "\0~1"]
        ),
    ],
)
def test_it_refuses_a_cursor_that_it_never_gave(cursor):
    with pytest.raises(paging.CursorRefused):
        paging.page(Partner.objects.all(), OLDEST_FIRST, limit=2, cursor=cursor)


def test_it_changes_an_address_and_keeps_its_other_parameters():
    request = Request(RequestFactory().get("/list?state=a%26b&cursor=old"))
    address = paging.address(request, limit=2, cursor="new")
    assert address == "http://testserver/list?state=a%26b&cursor=new&limit=2"
