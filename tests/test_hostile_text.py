"""Whatever somebody writes into an address, a form or a cookie, no page fails for it.

The pages come from the resolver, and the names of parameters from the code: they are what a page
asks its request for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django_otp import DEVICE_ID_SESSION_KEY

from tests import test_sent_twice as forms
from tests.browser import addresses
from webhooks.console.middleware import LONGEST_QUERY
from webhooks.models import Authenticator, EventType
from webhooks.operations import secondfactor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("templates_of_others")]

rows = forms.rows

# As they stand in an address: what no database stores, what is no text, what is long.
NUL = ["%00", "a%00b"]
TOO_LONG = "x" * (LONGEST_QUERY + 1)
OTHERS = ["%ED%A0%80", "%FF%FE", "%", "a+" * 4000, "x" * 10_000]
# What a field of another kind might read.
VALUES = [
    "-1",
    "9" * 20,
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00~00000000-0000-0000-0000-000000000000",
    "2026-11-21T00:00:00~" + "9" * 30,
    "[\u202e'\"\\%_(",
]
# In a form, where they may be longer than any column.
WRITTEN = [
    "a\0b",
    "x" * 300,
    "x" * 70_000,
    "9" * 400,
    "9999-12-31T23:59:59",
    "[\u202e%_(",
]


@contextmanager
def names_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The names of parameters and fields that code asks a request for."""
    found: set[str] = set()

    def noting(method: Any) -> Any:
        def wrapped(self: Any, name: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(name, str):
                found.add(name)
            return method(self, name, *args, **kwargs)

        return wrapped

    with monkeypatch.context() as patched:
        for method in ("get", "getlist", "__getitem__", "__contains__"):
            patched.setattr(QueryDict, method, noting(getattr(QueryDict, method)))
        yield found


def names_of(client: Client, page: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a page reads, and what it reads where that is given."""
    with names_asked(monkeypatch) as names:
        client.get(page)
        for name in ["", *names]:
            client.get(page, {name: "x"} if name else dict.fromkeys(names, "x"))
    return sorted(names - {"csrfmiddlewaretoken"})


def answer(client: Client, ask: Callable[[], Any]) -> Any:
    """The answer; what the request wrote is undone, and its failure is a 500."""
    client.raise_request_exception = False
    with transaction.atomic():
        response = ask()
        transaction.set_rollback(True)
    return response


def failed(client: Client, asked: list[str]) -> list[str]:
    """Of these addresses those that fail."""
    found = ((each, answer(client, lambda: client.get(each))) for each in asked)  # noqa: B023
    return [
        f"{each[:200]}: {response.exc_info}"
        for each, response in found
        if response.status_code >= 500
    ]


def with_parameter(page: str, name: str, value: str) -> str:
    return f"{page}{'&' if '?' in page else '?'}{quote(name)}={value}"


def staff_pages() -> list[str]:
    return [*addresses.staff(addresses.rows()), "/admin/login/"]


def admin_pages() -> list[str]:
    return addresses.admin(addresses.rows())


def test_no_page_reads_what_no_database_stores(admin_client) -> None:
    for page in [*staff_pages(), *admin_pages()]:
        for address in (
            *(with_parameter(page, "q", value) for value in NUL),
            with_parameter(page, "\0", "x"),
            with_parameter(page, "q", TOO_LONG),
        ):
            response = answer(admin_client, lambda: admin_client.get(address))  # noqa: B023
            assert response.status_code == 400, address[:100]
            assert "This request was not understood" in response.content.decode()


def test_no_parameter_of_the_console_makes_a_page_fail(
    admin_client, monkeypatch
) -> None:
    asked = []
    for page in staff_pages():
        names = names_of(admin_client, page, monkeypatch)
        asked += [with_parameter(page, (names or ["q"])[0], each) for each in OTHERS]
        asked += [
            with_parameter(page, name, quote(value))
            for name in names
            for value in VALUES
            if name != "idempotency_key" or page.endswith("/new/")
        ]
    assert len(asked) > 700
    assert not failed(admin_client, asked)


def test_no_parameter_of_the_admin_makes_a_page_fail(admin_client, monkeypatch) -> None:
    asked = []
    for page in admin_pages():
        if any(f"/{model}/" in page for model in ("eventtype", "user", "delivery")):
            names = names_of(admin_client, page, monkeypatch)
            values = [*OTHERS, *map(quote, VALUES)]
            asked += [with_parameter(page, n, value) for n in names for value in values]
        else:
            asked += [with_parameter(page, "q", value) for value in OTHERS]
    autocomplete = (
        "/admin/autocomplete/?app_label=webhooks&model_name=apikey&field_name=partner"
    )
    asked += [with_parameter(autocomplete, "term", value) for value in OTHERS]
    for name in ("app_label", "model_name", "field_name"):
        asked += [f"{autocomplete}&{name}={quote(value)}" for value in VALUES]
    assert len(asked) > 500
    assert not failed(admin_client, asked)


def fields_of_the_admin() -> list[tuple[str, str]]:
    """Each list of the admin with each field that it could be filtered by."""
    return [
        (f"/admin/{model._meta.app_label}/{model._meta.model_name}/", field.name)
        for model in admin.site._registry
        for field in [*model._meta.concrete_fields, *model._meta.many_to_many]
    ]


def test_no_list_of_the_admin_is_filtered_by_an_expression(admin_client) -> None:
    """A database may refuse one, or never finish it, and it finds secrets letter by letter."""
    lookups = ("regex", "iregex", "startswith", "contains", "in", "gte", "year")
    pages = fields_of_the_admin()
    assert len(pages) > 150
    for n, (page, name) in enumerate(pages):
        address = f"{page}?{name}__{lookups[n % len(lookups)]}=1"
        assert admin_client.get(address).status_code == 400, address
    for address in ("partner/?keys__digest__regex=.", "delivery/?event__data__a=1"):
        assert admin_client.get(f"/admin/webhooks/{address}").status_code == 400


def test_no_value_that_a_list_of_the_admin_is_filtered_by_makes_it_fail(
    admin_client,
) -> None:
    asked = [
        f"{page}?{name}{lookup}={quote(value)}"
        for page, name in fields_of_the_admin()
        for lookup, value in [
            ("", VALUES[1]), ("__exact", VALUES[5]), ("__isnull", "x"), ("__id__exact", "-1")
        ]
    ]  # fmt: skip
    assert not failed(admin_client, asked)


@pytest.mark.parametrize("name", forms.EVERY)
def test_no_field_of_a_form_makes_it_fail(admin_client, rows, name) -> None:
    address, fields = forms.filled(admin_client, rows, name)
    client, failures = admin_client, []
    for field in fields:
        for value in WRITTEN:
            written = {**fields, field: value}
            response = answer(client, lambda: client.post(address, written))  # noqa: B023
            if response.status_code >= 500:
                failures.append(f"{field}={value[:40]}: {response.exc_info}")
    assert not failures


# Forms that act once without a key, and the fields of each.
ACCOUNT = {
    "change-password": ["password", "new", "again"],
    "second-factor": ["password"],
    "confirm-second-factor": ["code"],
    "recovery-codes": ["code"],
    "remove-second-factor": ["password", "code"],
    "end-other-sessions": ["password"],
    "search": ["q"],
    "enter-code": ["code"],
}


def bring_to(name: str, client: Client, user: User) -> None:
    """A second factor as that page asks for it: none, begun, set up or owed."""
    if name in {"change-password", "second-factor", "search"}:
        return
    made = secondfactor.begin(user=user)
    is_set_up = name in {"enter-code", "recovery-codes", "remove-second-factor"}
    Authenticator.objects.update(confirmed=is_set_up)
    if name != "enter-code":
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = made.persistent_id
        session.save()


@pytest.mark.parametrize("name", ACCOUNT)
def test_no_field_of_a_form_of_one_s_account_makes_it_fail(
    admin_client, admin_user, name
) -> None:
    bring_to(name, admin_client, admin_user)
    fields, client = ACCOUNT[name], admin_client
    for field in fields:
        for value in WRITTEN:
            written = {**dict.fromkeys(fields, "x"), field: value}
            address = reverse(f"staff:{name}")
            response = answer(client, lambda: client.post(address, written))  # noqa: B023
            status = 302 if name == "search" else 422  # or it is too long
            assert response.status_code in {status, 413}, f"{field}={value[:40]}"


@pytest.mark.parametrize("id", ["%00", "_00", "9" * 30, "-1", "%FF", "x" * 3000, "["])
def test_no_part_of_a_path_makes_a_page_fail(admin_client, rows, id) -> None:
    asked = [f"/staff/event-types/{id}/"]
    for model in admin.site._registry:
        place = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{id}"
        asked += [f"{place}/{act}/" for act in ("change", "delete", "history")]
    asked += [f"/admin/auth/user/{id}/password/"]
    asked += [f"/admin/auth/user/{id}/reset-second-factor/"]
    asked += [f"/admin/r/{id}/{id}/", f"/admin/{id}/", f"/admin/{id}"]
    for row in (rows[EventType],):
        asked += [reverse("staff:event-type", args=[row.pk]) + f"{id}/"]
    assert not failed(admin_client, asked)


@pytest.mark.parametrize(
    "value", ['"\\000aaaaaaaaaaaa"', '"\\355\\240\\200"', "x" * 4000]
)
@pytest.mark.parametrize(
    "name", [settings.SESSION_COOKIE_NAME, "csrftoken", "messages"]
)
def test_no_cookie_makes_a_page_fail(client, admin_client, name, value) -> None:
    kept = admin_client.cookies[settings.SESSION_COOKIE_NAME].value
    cookies = f"{settings.SESSION_COOKIE_NAME}={kept}; {name}={value}"
    for each in (f"{name}={value}", cookies):
        for path in ("/staff/", "/admin/login/", "/v1/webhooks"):
            headers = {"Cookie": each, "Accept": "text/html"}
            got: Any = Client(raise_request_exception=False, headers=headers).get(path)
            assert got.status_code in (200, 302, 401), (path, got.exc_info)


@pytest.mark.parametrize("length", [151, 256, 20_000])
def test_a_user_name_that_nobody_can_have_is_refused_by_its_field(
    client, length
) -> None:
    fields = {"username": "x" * length, "password": "x"}
    response = client.post("/admin/login/", fields)
    assert response.status_code == 200
    assert "at most 150 characters" in response.content.decode()


def test_the_login_says_what_is_wrong_with_a_text_that_no_database_stores(
    client,
) -> None:
    for fields in ({"username": "a\0b"}, {"password": "a\0b"}):
        written = {"username": "a", "password": "x", **fields}
        response = client.post("/admin/login/", written)
        assert response.status_code == 200
        assert "Null characters are not allowed" in response.content.decode()


def test_the_login_leads_to_addresses_only(admin_client) -> None:
    """Django's `redirect` takes other text for the name of a page."""
    for address in ("-1", "admin:index", "staff", "[", "//evil.example"):
        response = admin_client.get("/staff/login/code/", {"next": address})
        assert response["Location"] == "/staff/", address
