"""The one search: what it finds, for whom, and what it never writes into an address."""

import re
from collections import defaultdict
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from tests.admin import traffic
from webhooks.models import (
    ApiKey,
    Attempt,
    AuditEntry,
    Delivery,
    Endpoint,
    Event,
    Partner,
    Recovery,
    SigningSecret,
    Subscription,
)
from webhooks.staff import search

from .conftest import Login

SEARCH = "/staff/search/"


def found(browser: Client, term: str) -> dict[str, list[str]]:
    """The addresses of what is found, by the title of their group."""
    page = browser.get(SEARCH, {"q": term})
    assert page.status_code == 200, page["Location"]
    return {g.title: [hit.address for hit in g.hits] for g in page.context["groups"]}


def led(browser: Client, term: str) -> str:
    page = browser.get(SEARCH, {"q": term})
    assert page.status_code == 302
    return page["Location"]


def test_it_finds_partners_by_name_and_email(console: Client) -> None:
    acme = factories.partner(name="Acme Loyalty")
    mail = factories.partner(name="Other", contact_email="ops@acme.example")
    factories.partner(name="Third")
    addresses = [f"/staff/partners/{row.id}/" for row in (acme, mail)]
    assert found(console, "ACME") == {"Partners": addresses}


def test_it_finds_urls_also_those_that_were(console: Client) -> None:
    row = factories.subscription(
        factories.partner(), "blaze", urls=["https://a.example.com/old?x=1"]
    )
    assert found(console, "example.com/old?x") == {
        "URLs": [f"/staff/subscriptions/{row.id}/"]
    }
    Endpoint.objects.update(removed_at=timezone.now())
    assert "was a URL of" in console.get(SEARCH, {"q": "/old"}).content.decode()


def test_it_finds_subscriptions_and_keys_by_name(console: Client) -> None:
    partner = factories.partner()
    row = factories.subscription(partner, "partnero", name="Cash desk 4")
    key, _ = factories.key(partner, name="cash server")
    assert found(console, "cash") == {
        "Subscriptions": [f"/staff/subscriptions/{row.id}/"],
        "API keys": [f"/staff/keys/{key.id}/"],
    }


@pytest.mark.parametrize(
    ("model", "page"),
    [
        (Partner, "partners"),
        (Subscription, "subscriptions"),
        (ApiKey, "keys"),
        (Delivery, "deliveries"),
        (Event, "events"),
        (Recovery, "recoveries"),
    ],
)
@pytest.mark.parametrize("written", ["{}", " {} ", "{{{}}}", "upper"])
def test_an_id_leads_to_its_page(console: Client, model, page, written) -> None:
    traffic.one_of_each()
    row = traffic.one_of_each()[model]
    id = str(row.id).upper() if written == "upper" else written.format(row.id)
    term = id.strip()
    assert led(console, term) == f"/staff/{page}/{row.id}/"


def test_the_id_of_a_part_leads_to_the_whole(console: Client) -> None:
    rows = traffic.one_of_each()
    of_subscription = f"/staff/subscriptions/{rows[Subscription].id}/"
    assert led(console, str(rows[Endpoint].id)) == of_subscription
    assert led(console, str(rows[SigningSecret].id)) == of_subscription
    of_delivery = f"/staff/deliveries/{rows[Delivery].id}/"
    assert led(console, str(rows[Attempt].id)) == of_delivery
    entry = AuditEntry.objects.latest("id")
    assert led(console, str(entry.id)) == f"/staff/audit/{entry.id}/"


@pytest.mark.postgresql("It is PostgreSQL that is asked for its plans.")
def test_an_id_is_found_by_indexes(console: Client) -> None:
    """In the tables that grow. Of a table with few rows PostgreSQL would read all of them."""
    with connection.cursor() as cursor, CaptureQueriesContext(connection) as asked:
        cursor.execute("SET LOCAL enable_seqscan = off")
        console.get("/staff/search/?q=00000000-0000-7000-8000-000000000000")
    read = 0
    for query in asked:
        if re.search(
            'FROM "webhooks_(delivery|event|attempt|auditentry)"', query["sql"]
        ):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {query['sql']}")
                plan = [line.strip() for (line,) in cursor.fetchall()]
            for line, below in pairwise([*plan, ""]):
                assert "Scan " not in line or " Cond: " in below, plan
            read += 1
    assert read >= 4


def test_the_id_that_a_dialect_shows_leads_there(console: Client) -> None:
    row = factories.subscription(factories.partner(), "partnero", public_id="Abc/9")
    assert led(console, "Abc/9") == f"/staff/subscriptions/{row.id}/"
    # Two partners may have chosen the same.
    factories.subscription(factories.partner(), "partnero", public_id="Abc/9")
    assert len(found(console, "Abc/9")["Subscriptions"]) == 2


def test_an_id_in_a_url_is_no_exact_hit_alone(console: Client) -> None:
    rows = traffic.one_of_each()
    id = str(rows[Partner].id)
    row = factories.subscription(
        factories.partner(), "blaze", urls=[f"https://hooks.example.com/{id}"]
    )
    assert found(console, id) == {
        "Partners": [f"/staff/partners/{id}/"],
        "URLs": [f"/staff/subscriptions/{row.id}/"],
    }


def test_an_idempotency_key_leads_to_its_event(console: Client) -> None:
    event = traffic.delivery().event
    Event.objects.update(idempotency_key="order-1001")
    assert led(console, "order-1001") == f"/staff/events/{event.id}/"
    assert found(console, "order-100") == {}


class TestKeys:
    @pytest.fixture
    def key(self, db) -> tuple[ApiKey, str]:
        factories.key(factories.partner())
        return factories.key(factories.partner(), name="leaked")

    def test_how_it_begins_leads_to_it(self, console: Client, key) -> None:
        row, _ = key
        for term in (row.prefix, f"whk_{row.prefix}", f"whk_{row.prefix}_"):
            assert led(console, term) == f"/staff/keys/{row.id}/"
        assert found(console, f"whk_{row.prefix[:6]}") == {
            "API keys": [f"/staff/keys/{row.id}/"]
        }

    @pytest.mark.parametrize(
        "pasted",
        [
            "{}",
            "  {}\n",
            "Authorization: Bearer {}",
            "{}x",
            "key={}&a=b",
            "bare",
            "cut",
        ],
    )
    def test_a_whole_one_is_found_and_kept_nowhere(
        self, console: Client, key, pasted, caplog
    ) -> None:
        row, text = key
        given = {"bare": text.removeprefix("whk_"), "cut": text[:24]}.get(
            pasted, pasted.format(text)
        )
        hidden = text[15:24]
        answer = console.post(SEARCH, {"q": given})
        assert answer.status_code == 302
        assert parse_qs(urlsplit(answer["Location"]).query) == {
            "q": [f"whk_{row.prefix}"]
        }
        assert led(console, f"whk_{row.prefix}") == f"/staff/keys/{row.id}/"
        # Written into an address by hand, it is not answered either.
        by_hand = console.get(SEARCH, {"q": given})
        assert by_hand["Location"] == answer["Location"]
        for page in (answer, by_hand):
            assert hidden not in page.content.decode() + str(page.headers)
        assert hidden not in str(dict(console.session))
        assert hidden not in caplog.text
        assert hidden not in str(list(AuditEntry.objects.values()))

    @pytest.mark.parametrize("secret", ["whsec_" + "QUJD" * 8, "tss_" + "a-b_" * 8])
    def test_a_signing_secret_is_not_looked_for(self, console: Client, secret) -> None:
        answer = console.post(SEARCH, {"q": f"{secret} "})
        assert answer["Location"] == f"{SEARCH}?q="
        page = console.get(answer["Location"]).content.decode()
        assert "Signing secrets are not searched for" in page


class TestWhoFindsWhat:
    @pytest.mark.parametrize(
        ("permission", "group"),
        [
            ("view_partner", "Partners"),
            ("view_subscription", "Subscriptions"),
            ("view_subscription", "URLs"),
            ("view_apikey", "API keys"),
        ],
    )
    def test_a_group_is_for_who_may_see_its_rows(
        self, login: Login, permission, group
    ) -> None:
        partner = factories.partner(name="quince")
        factories.key(partner, name="quince")
        factories.subscription(
            partner, "partnero", name="quince", urls=["https://quince.example.com"]
        )
        alone, without = login(permission), login("view_recovery")
        assert group in found(alone, "quince")
        assert found(without, "quince") == {}

    @pytest.mark.parametrize("model", [Delivery, Event, Recovery, ApiKey, AuditEntry])
    def test_an_id_leads_nobody_where_they_may_not_go(
        self, login: Login, model
    ) -> None:
        rows = traffic.one_of_each()
        row = rows.get(model) or AuditEntry.objects.latest("id")
        browser = login("view_partner")
        assert found(browser, str(row.id)) == {}
        assert led(login(f"view_{model._meta.model_name}"), str(row.id))

    def test_a_stranger_is_asked_to_log_in(self, stranger: Client) -> None:
        for answer in (stranger.get(SEARCH), stranger.post(SEARCH, {"q": "x"})):
            assert answer["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("page", ["/staff/deliveries/", "/staff/search/", "/admin/", "/admin/webhooks/partner/"])  # fmt: skip
def test_the_box_is_on_every_page(console: Client, page) -> None:
    html = console.get(page).content.decode()
    box = re.search(r'<form[^>]*class="search-box"[^>]*>.*?</form>', html, re.DOTALL)
    assert box is not None
    assert 'method="post"' in box[0]
    assert f'action="{SEARCH}"' in box[0]
    assert "csrfmiddlewaretoken" in box[0]
    assert "webhooks/search.js" in html
    assert 'id="nav-filter"' not in html  # there is one search


def test_what_can_be_searched_is_said(console: Client) -> None:
    for page in (console.get(SEARCH), console.get(SEARCH, {"q": "nothing such"})):
        assert "the id of anything" in page.content.decode()
    hostile = console.get(SEARCH, {"q": '"><script>alert(1)</script>'})
    assert "<script>alert" not in hostile.content.decode()


def test_a_group_ends_and_says_where_it_goes_on(console: Client) -> None:
    for n in range(search.MOST + 1):
        partner = factories.partner(name=f"Quince {n:02}")
        factories.key(partner, name="quince")
        factories.subscription(
            partner, "blaze", urls=[f"https://quince.example.com/{n}"]
        )
    page = console.get(SEARCH, {"q": "quince"})
    assert [len(g.hits) for g in page.context["groups"]] == [search.MOST] * 3
    html = page.content.decode()
    assert 'href="/staff/partners/?name=quince"' in html
    assert 'href="/staff/subscriptions/?url=quince"' in html
    assert "There are more" in html
    subscriptions = console.get("/staff/subscriptions/?url=quince")
    assert len(subscriptions.context["listed"].rows) == search.MOST + 1


@pytest.mark.parametrize(
    "term", ["\0", "a\0b", "%", "_", "'", "\ud83d", "x" * 3000, "٣" * 10]
)
def test_nothing_that_is_typed_breaks_it(console: Client, term: str) -> None:
    factories.partner()
    answer: Any = console.post(
        SEARCH, {"q": term.encode(errors="replace").decode()}, follow=True
    )
    assert answer.status_code == 200


def test_so_many_characters_are_looked_for(console: Client) -> None:
    factories.partner(name="Acme")
    page = console.post(SEARCH, {"q": "x" * 1100}, follow=True)
    assert page.context["term"] == "x" * 1024


@pytest.mark.once
def test_it_asks_as_often_for_many_as_for_one(console: Client) -> None:
    seen = defaultdict(set)
    for more in (1, 9, 90):
        for _ in range(more):
            partner = factories.partner(name=f"Quince {Partner.objects.count()}")
            factories.key(partner, name="quince")
            made = factories.subscription(partner, "blaze", name="quince")
            traffic.delivery(made)
        for term in ("quince", "id", "whk_AAAAAAAAAA"):
            asked_for = str(Delivery.objects.latest("id").id) if term == "id" else term
            console.get(SEARCH, {"q": asked_for})
            with CaptureQueriesContext(connection) as asked:
                console.get(SEARCH, {"q": asked_for})
            seen[term].add(len(asked))
            assert not any("COUNT(" in q["sql"] for q in asked)
    assert {term: len(counts) for term, counts in seen.items()} == dict.fromkeys(
        seen, 1
    )


@pytest.mark.parametrize(
    "text", ["a whsec_aaaaaaaa b", "whk_AbCdEfGhIj_x", " x ", "x" * 2047 + " y", "whk_"]
)
def test_what_is_reduced_stays_so(text: str) -> None:
    once = search.without_keys(text)
    assert search.without_keys(once) == once
