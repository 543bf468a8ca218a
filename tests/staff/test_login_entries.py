"""Logins in the audit log: what staff find there, and how little a stranger can put there."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from tests.staff.test_second_factor import CODE, code_now, code_of, wrong_code
from webhooks.models import AuditEntry
from webhooks.operations import logins, secondfactor
from webhooks.operations.audit import SYSTEM

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LOGIN, LOGOUT = "/admin/login/", "/admin/logout/"
PASSWORD = "correct horse"
ADDRESS = "192.0.2.1"


@pytest.fixture(autouse=True)
def clock():
    cache.clear()
    with time_machine.travel(NOW, tick=False) as moved:
        yield moved


@pytest.fixture
def ann(db) -> User:
    return User.objects.create_superuser("ann", password=PASSWORD)


def browser(ip: str = ADDRESS) -> Client:
    return Client(REMOTE_ADDR=ip)


def attempt(password: str, name: str = "ann", client: Client | None = None) -> Any:
    return (client or browser()).post(LOGIN, {"username": name, "password": password})


def entries() -> list[tuple[str, str, str]]:
    """What was done, by whom and to whom, in their order."""
    rows = AuditEntry.objects.order_by("at", "id")
    return [(row.action, row.actor, row.target) for row in rows]


def test_a_login_and_a_logout(ann: User) -> None:
    client = browser()
    attempt(PASSWORD, client=client)
    client.post(LOGOUT)
    assert entries() == [
        ("login.succeeded", "ann", "ann"),
        ("session.ended", "ann", "ann"),
    ]
    for entry in AuditEntry.objects.all():
        assert (entry.actor_kind, entry.ip) == ("staff", ADDRESS)
        assert (entry.target_type, entry.target_id) == ("user", str(ann.pk))
    assert AuditEntry.objects.latest("id").after == {"reason": "They logged out."}


def test_a_logout_of_nobody_is_none(ann: User) -> None:
    browser().post(LOGOUT)
    attempt("", name="")
    assert entries() == []


def test_who_is_logged_in_and_fails_to_log_in_has_not_succeeded(ann: User) -> None:
    client = browser()
    attempt(PASSWORD, client=client)
    attempt("guess", client=client)
    assert entries() == [
        ("login.succeeded", "ann", "ann"),
        ("login.failed", "ann", "ann"),
    ]


def enrol(user: User, clock) -> None:
    begun = secondfactor.begin(user=user)
    secondfactor.confirm(by=SYSTEM, user=user, code=code_of(begun, datetime.now(UTC)))
    clock.shift(60)


def test_a_wrong_code_and_none_that_was_not_looked_at(ann: User, clock) -> None:
    enrol(ann, clock)
    client = browser()
    attempt(PASSWORD, client=client)
    client.post(CODE, {"code": wrong_code()})
    client.post(CODE, {"code": code_now()})  # asked too soon, and not looked at
    assert entries()[1:] == [
        ("login.password_accepted", "ann", "ann"),
        ("factor.code_refused", "ann", "ann"),
    ]


def test_a_login_with_a_second_factor_is_complete_with_the_code(ann, clock) -> None:
    enrol(ann, clock)
    client = browser()
    attempt(PASSWORD, client=client)
    client.post(CODE, {"code": code_now()})
    assert entries()[-2:] == [
        ("login.password_accepted", "ann", "ann"),
        ("login.succeeded", "ann", "ann"),
    ]


def test_a_session_that_is_over_says_why(ann: User, clock) -> None:
    client = browser()
    attempt(PASSWORD, client=client)
    clock.shift(3601)
    client.get("/staff/")
    entry = AuditEntry.objects.get(action="session.ended")
    assert "nothing was done for a while" in str(entry.after)


def test_failures_and_the_lock_and_nothing_while_it_lasts(ann: User, clock) -> None:
    for _ in range(20):
        attempt("guess")
    assert entries() == [
        *[("login.failed", ADDRESS, "ann")] * 5,
        ("login.locked_out", ADDRESS, "ann"),
    ]
    for entry in AuditEntry.objects.all():
        assert (entry.actor_kind, entry.actor_id, entry.ip) == ("visitor", "", ADDRESS)
        assert entry.target_id == str(ann.pk)
        assert entry.before is entry.after is None
    clock.shift(901)
    attempt("guess")
    assert len(entries()) == 7


def test_a_name_that_nobody_has_is_kept_cleaned_and_the_password_never(ann) -> None:
    name = "no\u202ebody" + "x" * 100
    attempt("my secret", name=name)
    [entry] = AuditEntry.objects.all()
    assert entry.target == "no\ufffdbody" + "x" * 100
    assert (entry.target_type, entry.target_id) == ("user", "")
    assert "my secret" not in str(vars(entry))
    logins.failed(by=logins.visitor(None), name="y" * 10_000)
    newest = AuditEntry.objects.latest("id")
    assert newest.target == "y" * 150
    assert (newest.actor, newest.ip) == ("unknown address", None)


def test_a_wrong_password_inside_is_of_who_is_logged_in(ann: User) -> None:
    client = browser()
    attempt(PASSWORD, client=client)
    client.post("/staff/account/second-factor/", {"password": "guess"})
    assert entries()[-1] == ("login.failed", "ann", "ann")
    assert AuditEntry.objects.latest("id").actor_kind == "staff"


def test_all_addresses_together_leave_few_entries(
    ann: User, clock, monkeypatch
) -> None:
    monkeypatch.setattr(logins, "MOST_AN_HOUR", 3)
    for n in range(6):
        attempt("guess", name=f"name{n}", client=browser(f"192.0.2.{n}"))
    assert len(entries()) == 3
    clock.shift(3600)
    attempt("guess", name="later")
    assert len(entries()) == 4


def test_without_a_cache_they_are_recorded(ann: User, monkeypatch, caplog) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("the cache is away")

    monkeypatch.setattr(cache, "incr", fail)
    logins.failed(by=logins.visitor(ADDRESS), name="ann")
    assert len(entries()) == 1
    assert "the cache is away" in caplog.text


@pytest.mark.usefixtures("templates_of_others")
def test_staff_find_them(ann: User) -> None:
    attempt("guess", client=browser("2001:db8::1"))
    client = browser()
    attempt(PASSWORD, client=client)
    found = client.get("/staff/audit/?ip=2001:0DB8::0001&within=1h").content.decode()
    assert "Login failed" in found
    assert "Login succeeded" not in found
    by_kind = client.get("/staff/audit/?actor_kind=visitor").content.decode()
    assert "Login failed" in by_kind
    assert (
        "Login succeeded" in client.get("/staff/audit/?action=login").content.decode()
    )
    wrong = client.get("/staff/audit/?ip=nonsense").content.decode()
    assert "Enter a valid IPv4 or IPv6 address." in wrong
