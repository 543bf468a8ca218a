"""Every form of the console, sent twice: it acts once, and leads to the same page.

The pages come from the resolver. One that takes a form and is in no table here fails by its
name.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import factories
from tests.admin import traffic
from tests.test_roles import pages
from webhooks.console.idempotency import FIELD
from webhooks.models import (
    Answer,
    ApiKey,
    Delivery,
    Endpoint,
    EventType,
    Partner,
    Recovery,
    Subscription,
    ids,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("templates_of_others")]

AT_ONCE = 4
PATIENCE = 30


PASSWORD = "a-password-of-length"
UNSIGNED = "a subscription without a secret, whose endpoint is disabled"
SIGNED = "a subscription with a secret"


class Form(NamedTuple):
    """A page with a form: the row it is about, its query, and what is filled in."""

    about: Any = None
    query: str = ""
    fields: dict[str, str] = {}


FORMS: dict[str, Form] = {
    "new-partner": Form(fields={"name": "Made once"}),
    "edit-partner": Form(Partner, fields={"name": "Renamed"}),
    "partner-limits": Form(Partner, fields={"urls": "7"}),
    "switch-partner": Form(Partner),
    "explore": Form(Partner),
    "leave-exploring": Form(),
    "new-subscription": Form(
        query="?partner={partner}&dialect=portal",
        fields={"url": "https://receiver.example.com/new"},
    ),
    "edit-subscription": Form(SIGNED, fields={"name": "Renamed"}),
    "delete-subscription": Form(Subscription),
    "enable-subscription": Form(UNSIGNED),
    "test-subscription": Form(Subscription),
    "rotate-secret": Form(SIGNED),
    "rotate-secret (the first)": Form(UNSIGNED),
    "issue-key": Form(query="?partner={partner}"),
    "rotate-key": Form(ApiKey),
    "revoke-key": Form(ApiKey),
    "redeliver": Form(Delivery),
    "new-recovery": Form(
        query="?partner={partner}&outcomes=delivered&period=24h&bytes=same&preview=1"
    ),
    "cancel-recovery": Form(Recovery),
    "publish": Form(query="?partner={partner}&type=customer.created"),
}
ADMIN: dict[str, Form] = {
    "admin:webhooks_eventtype_add": Form(fields={"name": "made.once"}),
    "admin:webhooks_eventtype_change": Form(EventType, fields={"description": "New."}),
    "admin:auth_user_add": Form(
        fields={"username": "ann", "password1": PASSWORD, "password2": PASSWORD}
    ),
    "admin:auth_user_change": Form(User, fields={"email": "ann@example.com"}),
    "admin:auth_group_add": Form(fields={"name": "Made once"}),
    "admin:auth_group_change": Form(Group, fields={"name": "Renamed"}),
}
EVERY = {**FORMS, **ADMIN}

OTHERS = {
    "search": "It reads only.",
    "reveal-secret": "It makes nothing; each showing is an audit entry.",
    "enter-code": "A code works once.",
    "change-password": "The present password is another after the first.",
    "second-factor": "It replaces what was begun and not confirmed.",
    "confirm-second-factor": "A code works once.",
    "recovery-codes": "A code works once.",
    "remove-second-factor": "A code works once.",
    "end-own-session": "What is ended is over: the second finds nothing to end.",
    "end-other-sessions": "What is ended is over: the second finds nothing to end.",
    "end-session": "What is ended is over: the second finds nothing to end.",
    "end-sessions": "What is ended is over: the second finds nothing to end.",
}


def test_every_page_that_takes_a_form_is_in_a_table() -> None:
    taking = {
        page.name.removeprefix("staff:")
        for page in pages()
        if hasattr(getattr(page.view, "view_class", None), "post")
    }
    assert taking == {name.partition(" ")[0] for name in FORMS} | OTHERS.keys()


# --- What is sent ---------------------------------------------------------------------


class _Reader(HTMLParser):
    """The forms of a page that act once: where each goes, and what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._area = self._select = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        has = dict(attrs)
        name = has.get("name") or ""
        if tag == "form":
            self.forms.append((has.get("action") or "", {}))
        elif tag == "textarea":
            self._area = name
            self.forms[-1][1][name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self.forms and self._select:
            if "selected" in has or self._select not in self.forms[-1][1]:
                self.forms[-1][1][self._select] = has.get("value") or ""
        elif tag == "input" and name and self.forms:
            is_choice = has.get("type") in ("radio", "checkbox")
            if not is_choice or "checked" in has:
                self.forms[-1][1][name] = has.get("value") or "on" * is_choice

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1][1][self._area] += data

    def handle_endtag(self, tag: str) -> None:
        self._area = "" if tag == "textarea" else self._area
        self._select = "" if tag == "select" else self._select


def filled(
    client: Client, rows: dict[Any, Any], name: str
) -> tuple[str, dict[str, str]]:
    """Where the form of that page is sent to, and what it sends."""
    page, form = name.partition(" ")[0], EVERY[name]
    address = shown_at = reverse(
        page if ":" in page else f"staff:{page}",
        args=[rows[form.about].pk] if form.about else [],
    )
    if page == "leave-exploring":  # its form is on every page meanwhile
        shown_at = reverse("staff:partner", args=[rows[Partner].pk])
        client.post(reverse("staff:explore", args=[rows[Partner].pk]))
    response = client.get(shown_at + form.query.format(partner=rows[Partner].pk))
    assert response.status_code == 200
    reader = _Reader()
    reader.feed(response.content.decode())
    (held,) = [
        held
        for action, held in reader.forms
        if FIELD in held and action in ("", address)
    ]
    if page == "publish":
        address += form.query.format(partner=rows[Partner].pk)
    if page == "new-subscription":
        address += form.query.format(partner=rows[Partner].pk)
    return address, {**held, **form.fields}


def counts() -> dict[str, int]:
    """How many rows there are of everything, but of what notes who asked."""
    return {
        model.__name__: model._default_manager.count()
        for model in apps.get_models()
        if model not in (Session, Answer)
    }


@pytest.fixture
def rows(db: None) -> dict[Any, Any]:
    made = traffic.one_of_each()
    unsigned, signed = (
        factories.subscription(
            made[Partner], "portal", profile="standard", secrets=secrets
        )
        for secrets in ([], ["whsec_c2VjcmV0"])
    )
    Endpoint.objects.filter(subscription=unsigned).update(
        disabled_at=unsigned.created_at, disabled_reason="Test"
    )
    return {
        **made,
        UNSIGNED: unsigned,
        SIGNED: signed,
        User: User.objects.create_user("another", is_staff=True),
        Group: Group.objects.create(name="Another"),
    }


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss", password="secret")


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    client.get("/admin/jsi18n/")  # notes in the session when it began
    return client


def again(client: Client) -> Client:
    """Another tab of the same browser."""
    other = Client()
    other.cookies.load({name: each.value for name, each in client.cookies.items()})
    return other


def leads_to(response: Any) -> str:
    if response.status_code not in (200, 302):
        form = response.context and response.context.get("form")
        pytest.fail(f"{response.status_code}: {form and form.errors.as_text()}")
    return str(response.get("Location") or response["Content-Location"])


@pytest.mark.parametrize("name", EVERY)
def test_it_acts_once_and_leads_to_the_same_page(rows, boss, name: str) -> None:
    client = browser(boss)
    address, sent = filled(client, rows, name)
    before = counts()
    led_to = leads_to(client.post(address, sent))
    after = counts()
    assert after != before, "it acts"
    second = client.post(address, sent)
    assert counts() == after
    assert second.status_code == 302
    assert leads_to(second) == led_to
    page = client.get(leads_to(second), follow=True).content.decode()
    assert "sent before" in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", EVERY)
def test_of_many_at_once_one_acts(rows, boss, name: str) -> None:
    client = browser(boss)
    address, sent = filled(client, rows, name)
    with transaction.atomic():  # what it makes when it is sent once; undone
        leads_to(again(client).post(address, sent))
        once = counts()
        transaction.set_rollback(True)
    start = threading.Barrier(AT_ONCE)

    def post(tab: Client) -> Any:
        start.wait(PATIENCE)
        try:
            return tab.post(address, sent)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(post, [again(client) for _ in range(AT_ONCE)]))
    assert counts() == once
    assert len({leads_to(answer) for answer in answers}) == 1


def test_a_form_that_was_refused_may_be_sent_again(rows, boss) -> None:
    client = browser(boss)
    address, sent = filled(client, rows, "redeliver")
    subscription = rows[Subscription]
    Subscription.objects.update(is_active=False)
    refused = client.post(address, sent, follow=True).content.decode()
    assert "Nothing was sent. The subscription is switched off." in refused
    Subscription.objects.filter(id=subscription.id).update(is_active=True)
    assert (
        leads_to(client.post(address, sent))
        != f"/staff/deliveries/{rows[Delivery].pk}/"
    )
    assert Delivery.objects.filter(redelivery_of=rows[Delivery].pk).count() == 1


def test_a_form_that_is_too_old_is_not_acted_on(rows, boss) -> None:
    client = browser(boss)
    address, sent = filled(client, rows, "redeliver")
    old = str(ids.before(timezone.now() - timedelta(days=2)))
    response = client.post(address, {**sent, FIELD: old}, follow=True)
    assert "this page was open for more than a day" in response.content.decode()
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 10_000, "\0"])
def test_a_form_without_its_key_is_not_acted_on(rows, boss, key: str) -> None:
    client = browser(boss)
    address, sent = filled(client, rows, "redeliver")
    response = client.post(address, {**sent, FIELD: key}, follow=True)
    assert "the form came without its key" in response.content.decode()
    assert Delivery.objects.count() == 1


def test_a_form_whose_answer_cannot_be_read_does_nothing_again(
    rows, boss, settings
) -> None:
    client = browser(boss)
    address, sent = filled(client, rows, "redeliver")
    client.post(address, sent)
    once = counts()
    settings.ENCRYPTION_KEYS = {"new": bytes(32)}
    response = client.post(address, sent, follow=True)
    assert response.status_code == 200
    assert "Where it led cannot be read" in response.content.decode()
    assert counts() == once
