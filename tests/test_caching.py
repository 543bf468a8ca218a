"""No cache keeps an answer that is not declared public, whatever the address."""

import contextlib
import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests import factories
from tests.browser import addresses
from webhooks.front import documents
from webhooks.models import ApiKey
from webhooks.rest import interfaces
from webhooks.rest.view import ApiView

SLUGS = documents.slugs()
# The same for everybody, so a cache may keep them.
PUBLIC = re.compile(r"/redoc/redoc\.standalone\.js|/schema/\w+\.yaml")
OPEN = [
    "/", "/docs/", "/schema/", "/healthz", "/readyz", "/metrics", "/admin", "/staff",
    "/no/such/page", "/admin/login/", "/redoc/redoc.standalone.js", "/docs/x/",
    *(f"/{viewer}/{slug}/" for viewer in ("docs", "redoc") for slug in SLUGS),
    *(f"/schema/{slug}.yaml" for slug in SLUGS),
]  # fmt: skip


def is_kept_by_nobody(response: Any) -> bool:
    directives = re.split(r",\s*", response.get("Cache-Control", ""))
    named = set(re.split(r",\s*", response.get("Vary", "")))
    return (
        directives.count("no-store") == 1
        and "public" not in directives
        and named >= {"Accept", "Cookie"}
    )


def stored(client: Client, asked: list[tuple[str, str]], **headers: str) -> list[str]:
    """Those whose answer a cache might keep."""
    return [
        f"{method} {address}: {response.status_code} {response.headers}"
        for method, address in asked
        for response in [client.generic(method, address, headers=headers)]
        if not is_kept_by_nobody(response)
    ]


@pytest.mark.usefixtures("templates_of_others")
def test_no_page_of_the_console_is_kept(admin_client, client) -> None:
    rows = addresses.rows()
    found = [*addresses.staff(rows), *addresses.admin(rows)]
    assert len(found) > 80
    asked = [(method, each) for each in found for method in ("GET", "POST")]
    assert not stored(admin_client, asked)
    assert not stored(client, asked)  # whom they lead to the login


@pytest.mark.django_db
@pytest.mark.usefixtures("templates_of_others")
def test_what_is_open_to_everybody_is_kept_where_it_says_so(client) -> None:
    private = [each for each in OPEN if not PUBLIC.fullmatch(each)]
    assert not stored(client, [("GET", each) for each in private])
    for each in OPEN:
        if PUBLIC.fullmatch(each):
            response = client.get(each)
            assert "public" in response["Cache-Control"], each
            assert "Set-Cookie" not in response


@pytest.mark.django_db
def test_no_answer_of_an_interface_is_kept(client) -> None:
    """With a key, without one, and with one that the path does not take."""
    cache.clear()
    partner = factories.partner()
    texts = {
        ApiKey.Kind.PARTNER: factories.key(partner)[1],
        ApiKey.Kind.PUBLISHER: factories.key(None)[1],
    }
    kept = []
    for interface in interfaces.all():
        for pattern in [*interface.documented, *interface.aliases]:
            view: type[ApiView] = pattern.callback.cls  # type: ignore[attr-defined]
            authentication: Any = view.authentication_classes[0]
            address = "/" + re.sub("<[^>]+>", "x", str(pattern.pattern))
            asked = [(m, address) for m in ("GET", "POST", "PUT", "PATCH", "DELETE")]
            for text in texts.values():
                kept += stored(client, asked, **dict([authentication.header(text)]))
            kept += stored(client, asked)
        kept += stored(client, [("GET", f"/{interface.prefix}/no/such/path")])
    assert not kept


@pytest.mark.django_db
def test_a_static_file_may_be_kept(client) -> None:
    with contextlib.closing(client.get("/static/webhooks/icon.svg")) as response:
        assert response.status_code == 200
        assert "public" in response["Cache-Control"]
        assert "Access-Control-Allow-Origin" not in response


def test_what_is_refused_before_any_view_is_not_kept(client) -> None:
    for path in ("/", "/api/portal/v1/me"):
        response = client.get(path, headers={"Host": "stranger.example"})
        assert response.status_code == 400
        assert is_kept_by_nobody(response)
