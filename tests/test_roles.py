"""Who may do what: every role before every page of the console and the admin.

The pages come from the resolver, what each role may do with them from the tables here, which
know nothing of the pages' own permissions. A page that no table names fails by its name.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import RedirectView

from tests.admin import traffic
from webhooks import models
from webhooks.console.idempotency import FIELD
from webhooks.migrations.initial import roles as initial_roles
from webhooks.models import Attempt, AuditEntry, StaffSession
from webhooks.models.ids import time_ordered
from webhooks.operations import secondfactor, sessions

pytestmark = pytest.mark.once

# Each may what those before it may. Nobody is staff without a role.
later_roles = import_module("webhooks.migrations.0007_sessions")

RANKS = ["nobody", "Viewer", "Operator", "Manager", "superuser"]
NOBODY, VIEWER, OPERATOR, MANAGER, SUPERUSER = range(5)
NO_ONE = 5

# Page -> (from which rank on, what its address names)
STAFF: dict[str, tuple[int, type | None]] = {
    "home": (VIEWER, None),
    "alerts": (VIEWER, None),
    "search": (NOBODY, None),
    "partners": (VIEWER, None),
    "new-partner": (MANAGER, None),
    "partner": (VIEWER, models.Partner),
    "edit-partner": (MANAGER, models.Partner),
    "partner-limits": (MANAGER, models.Partner),
    "switch-partner": (MANAGER, models.Partner),
    "explore": (MANAGER, models.Partner),
    "leave-exploring": (MANAGER, None),
    "subscriptions": (VIEWER, None),
    "new-subscription": (OPERATOR, None),
    "subscription": (VIEWER, models.Subscription),
    "edit-subscription": (OPERATOR, models.Subscription),
    "delete-subscription": (MANAGER, models.Subscription),
    "enable-subscription": (OPERATOR, models.Subscription),
    "test-subscription": (OPERATOR, models.Subscription),
    "test-progress": (VIEWER, models.Subscription),
    "rotate-secret": (OPERATOR, models.Subscription),
    "reveal-secret": (MANAGER, models.SigningSecret),
    "keys": (VIEWER, None),
    "issue-key": (OPERATOR, None),
    "key": (VIEWER, models.ApiKey),
    "rotate-key": (OPERATOR, models.ApiKey),
    "revoke-key": (OPERATOR, models.ApiKey),
    "deliveries": (VIEWER, None),
    "delivery": (VIEWER, models.Delivery),
    "delivery-progress": (VIEWER, models.Delivery),
    "redeliver": (OPERATOR, models.Delivery),
    "request-body": (VIEWER, models.Attempt),
    "response-body": (VIEWER, models.Attempt),
    "recoveries": (VIEWER, None),
    "new-recovery": (OPERATOR, None),
    "recovery": (VIEWER, models.Recovery),
    "recovery-progress": (VIEWER, models.Recovery),
    "cancel-recovery": (OPERATOR, models.Recovery),
    "events": (VIEWER, None),
    "publish": (OPERATOR, None),
    "event": (VIEWER, models.Event),
    "event-types": (VIEWER, None),
    "event-type": (VIEWER, models.EventType),
    "audit": (VIEWER, None),
    "audit-entry": (VIEWER, models.AuditEntry),
    "enter-code": (NOBODY, None),
    "account": (NOBODY, None),
    "change-password": (NOBODY, None),
    "second-factor": (NOBODY, None),
    "confirm-second-factor": (NOBODY, None),
    "recovery-codes": (NOBODY, None),
    "remove-second-factor": (NOBODY, None),
    "end-own-session": (NOBODY, StaffSession),
    "end-other-sessions": (NOBODY, None),
    "sessions": (MANAGER, User),
    "end-session": (MANAGER, StaffSession),
    "end-sessions": (MANAGER, User),
}

# Pages of the admin that belong to no model -> from which rank on
ADMIN = {
    "index": NOBODY,
    "login": NOBODY,
    "logout": NOBODY,
    "search": NOBODY,
    "password_change": NOBODY,
    "password_change_done": NOBODY,
    "jsi18n": NOBODY,
    "view_on_site": NOBODY,  # no model has such an address: nothing is found
    "app_list": NOBODY,  # of what one may see
    "": NOBODY,  # an old address, or none: leads on, or nothing is found
}


class Rows(NamedTuple):
    """From which rank on the rows of a model are seen, added, changed and deleted."""

    view: int
    add: int = NO_ONE
    change: int = NO_ONE
    delete: int = NO_ONE


# Those that nobody changes here have no page for it.
MODELS = {
    "auditentry": Rows(VIEWER),
    "apikey": Rows(VIEWER),
    "attempt": Rows(VIEWER),
    "delivery": Rows(VIEWER),
    "endpoint": Rows(VIEWER),
    "endpointhour": Rows(VIEWER),
    "event": Rows(VIEWER),
    "eventtype": Rows(VIEWER, add=MANAGER, change=MANAGER),
    "notice": Rows(VIEWER),
    "partner": Rows(VIEWER),
    "recovery": Rows(VIEWER),
    "signingsecret": Rows(VIEWER),
    "subscription": Rows(VIEWER),
    "worker": Rows(VIEWER),
    "group": Rows(MANAGER, SUPERUSER, SUPERUSER, SUPERUSER),
    "user": Rows(MANAGER, SUPERUSER, SUPERUSER, SUPERUSER),
}

# Acts on one row -> from which rank on
ACTIONS = {
    "user_password_change": SUPERUSER,
    "user_reset_second_factor": SUPERUSER,
    "user_see_sessions": MANAGER,
}


# Names of partners, asked for while one types. It only reads, and says so before all else.
AUTOCOMPLETE = "?app_label=webhooks&model_name=apikey&field_name=partner"


class Page(NamedTuple):
    name: str
    route: str
    view: Any


class Case(NamedTuple):
    name: str
    address: str
    reads: int
    writes: int


def pages(patterns: Any = None, rooms: str = "", route: str = "") -> Iterator[Page]:
    """Every page of the two rooms, as the resolver has them."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = route + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            room = pattern.namespace or rooms
            yield from pages(pattern.url_patterns, room, path)
        elif isinstance(pattern, URLPattern) and rooms in ("admin", "staff"):
            if getattr(pattern.callback, "view_class", None) is RedirectView:
                continue  # a former address, where no page is
            yield Page(f"{rooms}:{pattern.name or ''}", path, pattern.callback)


def cases(rows: dict[Any, Any]) -> list[Case]:
    by_model = {model._meta.model_name: row for model, row in rows.items()}
    return [
        staff_case(page, rows)
        if page.name.startswith("staff:")
        else admin_case(page, by_model)
        for page in pages()
    ]


def staff_case(page: Page, rows: dict[type, Any]) -> Case:
    rank, model = STAFF[page.name.removeprefix("staff:")]
    address = "/" + page.route
    address = address.replace("<int:user>", str(rows[User].pk))
    if model is not None:
        for place in ("<uuid:id>", "<path:name>"):
            address = address.replace(place, str(rows[model].pk))
    event = rows[models.Event].pk
    return Case(page.name, address.replace("<uuid:event>", str(event)), rank, rank)


def admin_case(page: Page, rows: dict[str, Any]) -> Case:
    name = page.name.removeprefix("admin:")
    address = "/" + page.route
    app, _, rest = name.partition("_")
    if name == "autocomplete":
        return Case(page.name, address + AUTOCOMPLETE, VIEWER, NOBODY)
    if app not in ("auth", "webhooks"):
        address = address.replace(r"^(?P<app_label>webhooks|auth)/$", "webhooks/")
        address = address.replace("(?P<url>.*)$", "nowhere/")
        address = address.replace("<path:content_type_id>/<path:object_id>", "1/1")
        address = address.replace("<path:object_id>", "1")
        return Case(page.name, address, ADMIN[name], ADMIN[name])
    model, _, act = rest.partition("_")
    address = address.replace("<path:object_id>", str(rows[model].pk))
    address = address.replace("<id>", str(rows[model].pk))
    if rest in ACTIONS:
        return Case(page.name, address, ACTIONS[rest], ACTIONS[rest])
    may = MODELS[model]
    reads, writes = {
        "changelist": (may.view, may.view),
        "history": (may.view, may.view),
        "change": (may.view, may.change),
        "add": (may.add, may.add),
        "delete": (may.delete, may.delete),
    }[act]
    return Case(page.name, address, reads, writes)


@pytest.fixture
def roles(db) -> None:
    """Tests that need a database of their own leave one without the migrations' rows."""
    initial_roles.make(apps, connection.schema_editor())
    later_roles.grant(apps, connection.schema_editor())


@pytest.fixture
def rows(roles) -> dict[type, Any]:
    found = traffic.one_of_each()
    Attempt.objects.update(request_body=b"{}")
    other = User.objects.create_user("other", is_staff=True)
    secondfactor.begin(user=other)
    return {
        **found,
        AuditEntry: AuditEntry.objects.earliest("id"),
        User: other,
        StaffSession: sessions.begin(
            user_id=other.pk, user_agent="curl/8", address="192.0.2.1"
        ),
        Group: Group.objects.create(name="Another"),
    }


def browser(role: str) -> Client:
    user = User.objects.create_user(
        f"is {role}", is_staff=True, is_superuser=role == "superuser"
    )
    if role not in ("nobody", "superuser"):
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    client.get("/admin/jsi18n/")  # notes in the session when it began
    return client


def asked(client: Client, method: str, address: str) -> tuple[Any, list[str]]:
    """The answer, and the statements by which something was written; all is undone."""
    cookies = {name: cookie.value for name, cookie in client.cookies.items()}
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        response = client.generic(
            method,
            address,
            f"{FIELD}={time_ordered()}",  # what is refused keeps nothing of it
            content_type="application/x-www-form-urlencoded",
        )
        transaction.set_rollback(True)
    client.cookies.load(cookies)  # a log-out is undone, too
    written = [
        query["sql"]
        for query in captured
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    return response, written


def is_refused(response: Any) -> bool:
    location = response.get("Location", "")
    return bool(
        response.status_code == 403 or location.startswith("/admin/login/?next=")
    )


def test_the_tables_name_every_page_and_no_other() -> None:
    real = {page.name for page in pages()}
    rows = {
        f"{app}_{model}_{act}"
        for model, may in MODELS.items()
        for app in [("auth" if model in ("group", "user") else "webhooks")]
        for act in ("changelist", "change", "history", "add", "delete")
        if act in ("changelist", "change") or may.change != NO_ONE
    }
    acts = {
        f"{'auth' if name.startswith('user') else 'webhooks'}_{name}"
        for name in ACTIONS
    }
    named = {f"staff:{name}" for name in STAFF}
    named |= {f"admin:{name}" for name in {"autocomplete", *ADMIN, *rows, *acts}}
    assert real == named


@pytest.mark.usefixtures("templates_of_others")
@pytest.mark.parametrize("role", RANKS)
def test_a_role_opens_its_pages_and_no_others(rows, role: str) -> None:
    rank, client, wrong = RANKS.index(role), browser(role), []
    for case in cases(rows):
        for method, needed in (("GET", case.reads), ("POST", case.writes)):
            response, written = asked(client, method, case.address)
            if is_refused(response) != (rank < needed):
                wrong.append(f"{method} {case.name}: {response.status_code}")
            if is_refused(response) and written:
                wrong.append(f"{method} {case.name} was refused and wrote: {written}")
            kept = [sql for sql in written if '"webhooks_answer"' in sql]
            if rank <= VIEWER and any("INSERT" in sql for sql in kept[-1:]):
                wrong.append(f"{method} {case.name} keeps an answer for who only looks")
            assert response.status_code < 500
    assert not wrong, "\n".join(wrong)


@pytest.mark.usefixtures("templates_of_others")
def test_a_stranger_and_a_customer_open_nothing(rows) -> None:
    customer = User.objects.create_user("customer")
    inside = Client()
    inside.force_login(customer, "django.contrib.auth.backends.ModelBackend")
    public = {"admin:login", "admin:logout", "admin:jsi18n"}
    wrong = []
    for client in (Client(), inside):
        for case in cases(rows):
            for method in ("GET", "POST"):
                response, written = asked(client, method, case.address)
                kept = [sql for sql in written if "session" not in sql]
                if case.name in public:
                    continue
                if not is_refused(response) or kept:
                    wrong.append(f"{method} {case.name}: {response.status_code} {kept}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.usefixtures("templates_of_others")
def test_other_methods_do_nothing_whoever_asks(rows) -> None:
    client, wrong = browser("superuser"), []
    for case in cases(rows):
        is_ours = case.name.startswith("staff:")
        # To the admin every method but POST is a GET.
        for method in ("PUT", "PATCH", "DELETE") if is_ours else ("DELETE",):
            response, written = asked(client, method, case.address)
            if written or (is_ours and response.status_code != 405):
                wrong.append(f"{method} {case.name}: {response.status_code} {written}")
    assert not wrong, "\n".join(wrong)


def test_each_role_may_what_the_one_before_it_may(roles) -> None:
    viewer, operator, manager = (
        set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))
        for name in ("Viewer", "Operator", "Manager")
    )
    assert viewer < operator < manager
    assert all(name.startswith("view_") for name in viewer)
    seen = {f"view_{model._meta.model_name}" for model in models_of_staff()}
    assert viewer == seen
    assert "reveal_secret" in manager - operator
    assert {"issue_key", "change_subscription", "replay_delivery"} <= operator


def models_of_staff() -> list[Any]:
    return [getattr(models, name) for name in models.__all__]


def test_roles_that_somebody_has_edited_stay_as_they_are(roles) -> None:
    role = Group.objects.get(name="Viewer")
    role.permissions.set([Permission.objects.get(codename="view_partner")])
    initial_roles.make(apps, connection.schema_editor())
    assert role.permissions.get().codename == "view_partner"
    assert Group.objects.filter(name__in=["Viewer", "Operator", "Manager"]).count() == 3
