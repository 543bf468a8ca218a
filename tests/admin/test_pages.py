"""Every list and every page, as staff see them."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from webhooks import models
from webhooks.models import (
    AuditEntry,
    Delivery,
    Event,
    EventType,
    Partner,
    SigningSecret,
)

from . import traffic

MODELS = list(admin.site._registry)
OURS = [model for model in MODELS if model._meta.app_label == "webhooks"]
READ_ONLY = [m for m in OURS if m.__name__ != "EventType"]
EDITED = [m for m in MODELS if m not in READ_ONLY]


def address(model, page, *args) -> str:
    return reverse(
        f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args
    )


def row_of(model):
    rows = traffic.one_of_each()
    if model is AuditEntry:
        return AuditEntry.objects.first()
    if model is Group:
        return Group.objects.create(name="operators")
    return User.objects.first() if model is User else rows[model]


def test_it_registers_every_model() -> None:
    assert {model.__name__ for model in OURS} == set(models.__all__)


@pytest.mark.parametrize("model", MODELS)
def test_it_shows_every_list_when_empty_and_when_not(console: Client, model) -> None:
    assert console.get(address(model, "changelist")).status_code == 200
    row_of(model)
    assert console.get(address(model, "changelist")).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_it_searches_every_list_by_words_and_by_id(console: Client, model) -> None:
    row = row_of(model)
    for term in (
        "example",
        "O'Reilly % _",
        str(row.pk),
        "00000000-0000-7000-8000-000000000000",
    ):
        found = console.get(address(model, "changelist"), {"q": term})
        assert found.status_code == 200


@pytest.mark.parametrize(
    "model", [m for m in OURS if m.__name__ not in {"EventType", "EndpointHour"}]
)
def test_it_finds_a_row_by_its_id_alone(console: Client, model) -> None:
    row, other = row_of(model), row_of(model)
    found = console.get(address(model, "changelist"), {"q": f" {row.pk} "})
    assert [shown.pk for shown in found.context["cl"].result_list] == [row.pk]
    assert other is not None


@pytest.mark.parametrize("model", MODELS)
def test_it_shows_every_row(console: Client, model) -> None:
    row = row_of(model)
    assert console.get(address(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", EDITED)
def test_it_shows_the_history_of_what_is_edited_here(console: Client, model) -> None:
    row = row_of(model)
    history = address(model, "history", row.pk)
    assert history in console.get(address(model, "change", row.pk)).content.decode()
    assert console.get(history).status_code == 200


@pytest.mark.parametrize("model", OURS)
def test_it_answers_an_unknown_id_with_the_list(console: Client, model) -> None:
    for id in ("00000000-0000-7000-8000-000000000000", "no-id", "__"):
        response = console.get(address(model, "change", id))
        assert response.status_code == 302


@pytest.mark.once
def test_it_asks_the_database_no_more_for_fifty_rows_than_for_one(
    console: Client,
) -> None:
    def statements(rows: int) -> dict[type, int]:
        found = {}
        for model in OURS:
            with CaptureQueriesContext(connection) as asked:
                shown = console.get(address(model, "changelist"))
            assert len(shown.context["cl"].result_list) >= rows
            found[model] = len(asked)
        return found

    for model in OURS:
        row_of(model)
        console.get(address(model, "changelist"))
    for_one = statements(1)
    for _ in range(49):
        traffic.one_of_each()
    assert statements(50) == for_one


@pytest.mark.parametrize("model", READ_ONLY)
def test_it_lets_nobody_change_what_is_only_looked_at(console: Client, model) -> None:
    row = row_of(model)
    assert console.post(address(model, "change", row.pk), {"x": "y"}).status_code == 403
    for page in ("add", "delete", "history"):
        with pytest.raises(NoReverseMatch):
            address(model, page, *([] if page == "add" else [row.pk]))
    before = model.objects.count()
    console.post(f"{address(model, 'changelist')}{row.pk}/delete/", {"post": "yes"})
    console.post(f"{address(model, 'changelist')}add/", {})
    assert model.objects.count() == before


@pytest.mark.parametrize("model", MODELS)
def test_it_offers_no_action_over_many_rows(console: Client, model) -> None:
    row = row_of(model)
    console.post(
        address(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", MODELS)
def test_it_keeps_everything_from_staff_without_permissions(login, model) -> None:
    client = login()
    row = row_of(model)
    assert client.get(address(model, "changelist")).status_code == 403
    assert client.get(address(model, "change", row.pk)).status_code == 403


@pytest.mark.parametrize("model", OURS)
def test_it_shows_rows_to_who_may_only_view(login, model) -> None:
    name = model._meta.model_name
    client = login(f"view_{name}")
    row = row_of(model)
    assert client.get(address(model, "changelist")).status_code == 200
    assert client.get(address(model, "change", row.pk)).status_code == 200
    assert client.post(address(model, "change", row.pk), {}).status_code == 403


def test_it_never_shows_a_secret_or_a_digest(console: Client) -> None:
    rows = traffic.one_of_each()
    key = next(row for row in rows.values() if row._meta.model_name == "apikey")
    stored = rows[SigningSecret].value
    for model in OURS:
        row = rows.get(model) or AuditEntry.objects.all()[0]
        for page in (address(model, "changelist"), address(model, "change", row.pk)):
            html = console.get(page).content.decode()
            assert key.digest not in html
            assert stored not in html
            assert "whsec_hidden" not in html


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("webhooks_apikey", "digest__startswith"),
        ("webhooks_apikey", "pepper"),
        ("webhooks_signingsecret", "value__startswith"),
        ("webhooks_subscription", "secrets__value__startswith"),
        ("webhooks_partner", "keys__digest__startswith"),
    ],
)
def test_it_answers_no_question_about_a_secret(console: Client, model, lookup) -> None:
    traffic.one_of_each()
    response = console.get(reverse(f"admin:{model}_changelist"), {lookup: "1"})
    assert response.status_code == 400


def test_it_counts_no_more_of_a_log_than_it_lists(console: Client, monkeypatch) -> None:
    monkeypatch.setattr("webhooks.admin.rows.Newest.MOST", 3)
    for _ in range(5):
        traffic.delivery()
    with CaptureQueriesContext(connection) as asked:
        shown = console.get(address(Delivery, "changelist"))
    assert shown.context["cl"].result_count == 3
    counts = [
        q["sql"]
        for q in asked
        if "COUNT(" in q["sql"] and "webhooks_delivery" in q["sql"]
    ]
    assert counts
    assert all("LIMIT 3" in sql for sql in counts)


def test_it_shows_the_bytes_that_were_sent(console: Client) -> None:
    sent = traffic.delivery()
    first = sent.attempt_log.get()
    models.Attempt.objects.filter(pk=first.pk).update(request_body=b'{"id":"<c1>"}')

    page = console.get(address(models.Attempt, "change", first.pk)).content.decode()

    assert "{&quot;id&quot;:&quot;&lt;c1&gt;&quot;}" in page


def test_it_shows_times_with_their_zone(console: Client) -> None:
    sent = traffic.delivery()
    html = console.get(address(Delivery, "change", sent.pk)).content.decode()
    assert f"{sent.created_at:%Y-%m-%d %H:%M:%S} UTC" in html


def test_it_leads_to_the_console_without_the_last_slash(client: Client) -> None:
    response = client.get("/admin")
    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_it_names_the_families_in_the_sidebar_by_permission(console, login) -> None:
    assert b"Audit log" in console.get("/admin/").content
    html = login("view_partner").get("/admin/").content.decode()
    assert "/admin/webhooks/partner/" in html
    assert "Audit log" not in html


@pytest.mark.parametrize(
    ("model", "query", "found"),
    [
        ("apikey", "kind__exact=publisher", 0),
        ("delivery", "status=delivered", 1),
        ("delivery", "status=retrying", 0),
        ("delivery", "status=nonsense", 1),
        ("event", "matched=yes", 1),
        ("event", "matched=no", 0),
        ("partner", "is_active__exact=1", 1),
    ],
)
def test_it_filters_lists(console: Client, model, query, found) -> None:
    traffic.one_of_each()
    shown = console.get(f"/admin/webhooks/{model}/?{query}")
    assert shown.status_code == 200
    assert len(shown.context["cl"].result_list) == found


@pytest.mark.parametrize(
    "model", [Partner, models.ApiKey, models.Subscription, Event, Delivery]
)
def test_it_filters_lists_by_partner(console: Client, model) -> None:
    row, _ = row_of(model), row_of(model)
    of_whom = "id" if model is Partner else "partner__id"
    partner = row if model is Partner else row.partner
    shown = console.get(address(model, "changelist"), {f"{of_whom}__exact": partner.pk})
    assert [listed.pk for listed in shown.context["cl"].result_list] == [row.pk]


def test_an_empty_list_says_so_and_a_search_leads_back(console) -> None:
    recoveries = console.get(address(models.Recovery, "changelist")).content.decode()
    assert "There are no recoveries yet." in recoveries
    assert "Add recovery" not in recoveries

    searched = console.get(address(Partner, "changelist"), {"q": "nobody"})
    assert 'href="?">Show all partners' in searched.content.decode()

    EventType.objects.all().delete()
    types = console.get(address(EventType, "changelist")).content.decode()
    assert f'href="{address(EventType, "add")}">Add event type' in types


def test_a_refusal_says_who_can_help(login) -> None:
    response = login().get(address(models.Partner, "changelist"))

    assert response.status_code == 403
    assert "a superuser can give" in response.content.decode()
