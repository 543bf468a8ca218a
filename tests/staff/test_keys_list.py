"""The list of keys: filtered, in order, and as cheap for a hundred as for one."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from webhooks.console import paging
from webhooks.models import ApiKey, Partner, keyformat
from webhooks.operations import keys
from webhooks.operations.audit import SYSTEM

from .conftest import Login
from .key_pages import DAY, ISSUE, KEYS, page, switch_off


@pytest.fixture
def partner(db) -> Partner:
    return factories.partner(name="Acme")


def listed(console: Client, **query: Any) -> list[ApiKey]:
    response = console.get(KEYS, query)
    assert response.status_code == 200
    assert response.context["form"].errors == {}
    return list(response.context["listed"].rows)


class TestList:
    @pytest.fixture
    def each(self, partner: Partner) -> dict[str, ApiKey]:
        now = timezone.now()
        off = factories.partner(name="Off")
        made = {
            "usable": factories.key(partner, name="CRM", expires_at=now + 15 * DAY)[0],
            "expiring": factories.key(None, expires_at=now + 13 * DAY)[0],
            "expired": factories.key(partner, expires_at=now - DAY)[0],
            "revoked": factories.key(partner, expires_at=now - DAY)[0],
            "off": factories.key(off, expires_at=now + DAY)[0],
        }
        switch_off(off)
        keys.revoke(by=SYSTEM, key=made["revoked"])
        return made

    def test_by_the_pepper_so_that_a_rotation_s_end_can_be_seen(
        self, console: Client, each, settings
    ) -> None:
        settings.KEY_PEPPERS = {8: b"new", **settings.KEY_PEPPERS}
        new, _ = factories.key(None)
        assert listed(console, pepper="8") == [new]
        assert listed(console, pepper="7", state="usable") == [
            each["expiring"],
            each["usable"],
        ]
        shown = console.get(page(each["usable"])).content.decode()
        assert "<dt>Pepper</dt><dd>7</dd>" in shown
        settings.KEY_PEPPERS = {8: b"new"}
        shown = console.get(page(each["usable"])).content.decode()
        assert "<dt>Pepper</dt><dd>7 (not configured)</dd>" in shown
        assert "It is refused now" in shown

    @pytest.mark.parametrize("pepper", ["x", "-1", "40000"])
    def test_no_key_has_another_pepper(self, console: Client, pepper) -> None:
        assert console.get(KEYS, {"pepper": pepper}).context["form"].errors

    @pytest.mark.parametrize("state", ["expiring", "expired", "revoked", "off"])
    def test_by_each_state(self, console: Client, each, state) -> None:
        assert listed(console, state=state) == [each[state]]

    def test_off_is_only_what_would_open_otherwise(self, console, each) -> None:
        keys.revoke(by=SYSTEM, key=each["off"])
        assert listed(console, state="off") == []

    def test_a_key_that_expires_soon_is_usable_too(self, console, each) -> None:
        assert listed(console, state="usable") == [each["expiring"], each["usable"]]

    def test_the_badge_of_each_state(self, console: Client, each) -> None:
        rows = console.get(KEYS).context["listed"].rows
        shown = {row.pk: row.state for row in rows}
        assert shown == {key.pk: state for state, key in each.items()}
        html = console.get(KEYS).content.decode()
        for words in ("Usable", "Expires soon", "Expired", "Revoked", "Partner off"):
            assert f">{words}</span>" in html
        for state, key in each.items():
            assert console.get(page(key)).context["key"].state == state

    def test_by_whose_it_is_and_what_it_is_called(self, console, each) -> None:
        usable = each["usable"]
        assert listed(console, kind="publisher") == [each["expiring"]]
        assert listed(console, partner="off") == [each["off"]]
        assert listed(console, name="crm") == [usable]
        for part in (usable.prefix, f"whk_{usable.prefix}", f"whk_{usable.prefix[:8]}"):
            assert listed(console, prefix=part) == [usable]
        assert listed(console, prefix="whk_") == listed(console)

    @pytest.mark.parametrize("prefix", ["whk_%", "a b", "whk-0123"])
    def test_what_begins_no_key_is_refused(self, console: Client, prefix) -> None:
        response = console.get(KEYS, {"prefix": prefix})
        assert "No key begins like this" in response.content.decode()

    @pytest.mark.parametrize("field", ["prefix", "name", "partner", "state", "before"])
    def test_a_whole_key_is_cut_and_leaves_the_address(
        self, console: Client, partner: Partner, field, caplog
    ) -> None:
        key, text = factories.key(partner)
        for sent in (text, f" {text[:20]}"):
            response = console.get(KEYS, {field: sent, "kind": "partner"})
            assert response.status_code == 302
            query = response["Location"].removeprefix(f"{KEYS}?")
            assert set(query.split("&")) == {"kind=partner", f"prefix=whk_{key.prefix}"}
            after = console.get(response["Location"])
            assert after.context["listed"].rows == [key]
            html = after.content.decode()
            assert "A whole key was typed here" in html
            assert text[15:20] not in html

    def test_of_a_long_text_only_the_beginning_is_shown_again(
        self, console: Client
    ) -> None:
        new = keyformat.generate()
        response = console.get(KEYS, {"prefix": new.text[4:]})
        assert response["Location"] == f"{KEYS}?prefix={new.lookup}"

    def test_the_field_takes_no_more_than_a_prefix(self, console: Client) -> None:
        html = console.get(KEYS).content.decode()
        (field,) = re.findall(r'<input[^>]*name="prefix"[^>]*>', html)
        assert 'maxlength="14"' in field
        assert 'pattern="(?:whk_)?[0-9A-Za-z]{0,10}"' in field

    def test_an_empty_list_says_what_to_do(self, console: Client, login: Login) -> None:
        assert "Issue the first key" in console.get(KEYS).content.decode()
        html = login("view_apikey").get(KEYS).content.decode()
        assert "No key has been issued yet" in html
        assert ISSUE not in html

    def test_it_goes_on_behind_the_last_row(
        self, console: Client, partner: Partner, monkeypatch
    ) -> None:
        monkeypatch.setattr(paging, "SIZE", 3)
        made = [factories.key(partner)[0].pk for _ in range(7)]
        seen, following = [], ""
        while following is not None:
            shown = console.get(KEYS + following).context["listed"]
            seen.append([key.pk for key in shown.rows])
            following = shown.older
        assert seen == [made[:3:-1], made[3:0:-1], made[:1]]


def grow(partner: Partner, count: int) -> None:
    for _ in range(count):
        factories.key(partner)
        factories.subscription(partner, "partnero")


@pytest.mark.once
@pytest.mark.parametrize(
    "address",
    [
        KEYS,
        f"{KEYS}?state=usable&partner=Acme&name=&prefix=whk_",
        "",
        "rotate",
        "revoke",
    ],
)
def test_the_database_is_asked_as_often_for_a_hundred_keys_as_for_one(
    console: Client, partner: Partner, address
) -> None:
    first, _ = factories.key(factories.unlimited(partner))
    factories.subscription(partner, "topiic", api_key=first)
    where = address if address.startswith(KEYS) else page(first, address)
    seen = []
    for more in (1, 9, 90):
        grow(partner, more)
        console.get(where)
        with CaptureQueriesContext(connection) as asked:
            assert console.get(where).status_code == 200
        seen.append(len(asked))
        assert not any("count(" in q["sql"].lower() for q in asked.captured_queries)
    assert len(set(seen)) == 1
