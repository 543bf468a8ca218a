"""Logging in, being locked out, and sessions that end."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal import settings as production
from tests import factories
from tests.admin import traffic
from tests.test_roles import pages
from webhooks.models import AuditEntry

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LOGIN = "/admin/login/"
CHANGE = "/staff/account/password/"
PASSWORD = "correct horse"
HOUR = 3600


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as moved:
        yield moved


@pytest.fixture
def ann(db) -> User:
    return User.objects.create_superuser("ann", password=PASSWORD)


def attempt(password: str, user: str = "ann", ip: str = "192.0.2.1", **more: Any):
    client = Client(REMOTE_ADDR=ip, **more)
    return client.post(LOGIN, {"username": user, "password": password})


def logged_in() -> Client:
    client = Client()
    client.post(LOGIN, {"username": "ann", "password": PASSWORD})
    assert inside(client)
    return client


def inside(client: Client) -> bool:
    return bool(client.get("/staff/account/").status_code == 200)


# --- Being locked out ----------------------------------------------------------------


def test_a_name_is_locked_for_an_address_and_no_further(ann: User, clock) -> None:
    for _ in range(4):
        assert attempt("guess").status_code == 200
    assert attempt("guess").status_code == 429
    assert attempt(PASSWORD).status_code == 429
    assert attempt(PASSWORD, HTTP_USER_AGENT="another").status_code == 429
    assert attempt(PASSWORD, ip="192.0.2.2").status_code == 302
    User.objects.create_superuser("bob", password=PASSWORD)
    assert attempt(PASSWORD, user="bob").status_code == 302


def test_failures_are_deleted_with_the_next_when_no_lock_needs_them(ann, clock):
    for number in range(3):
        attempt("wrong", user=f"name {number}", ip=f"192.0.2.{number}")
    assert AccessAttempt.objects.count() == 3
    clock.shift(15 * 60 + 1)
    attempt("wrong", ip="192.0.2.9")
    assert AccessAttempt.objects.get().ip_address == "192.0.2.9"


def test_one_address_may_not_try_a_password_on_many_names(
    ann: User, clock, settings
) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 8
    statuses = [attempt(PASSWORD, user=f"name-{n}").status_code for n in range(8)]
    assert statuses == [200] * 7 + [429]
    answer = attempt(PASSWORD)  # the right one
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert "failed from this address" in answer.content.decode()
    assert "2026-11-21 12:15:00 UTC" in answer.content.decode()
    assert attempt(PASSWORD, ip="192.0.2.2").status_code == 302
    # Nothing more is kept of who is refused.
    assert AccessAttempt.objects.count() == 8
    clock.shift(901)
    assert attempt(PASSWORD).status_code == 302


def test_a_login_leaves_its_entry_in_the_audit_log_alone(ann: User, clock) -> None:
    assert inside(logged_in())
    assert not AccessLog.objects.exists()


def test_the_addresses_of_one_line_are_one_to_the_login(ann: User, clock) -> None:
    for n in range(5):
        answer = attempt("guess", ip=f"2001:db8:0:1::{n}")
    assert answer.status_code == 429
    assert attempt(PASSWORD, ip="2001:db8:0:1:ffff::1").status_code == 429
    assert attempt(PASSWORD, ip="2001:db8:0:2::1").status_code == 302


def test_an_office_of_many_who_mistype_is_not_locked_out(ann: User, clock) -> None:
    for n in range(30):
        for _ in range(3):
            assert attempt("typo", user=f"colleague-{n}").status_code == 200
    assert attempt(PASSWORD).status_code == 302


def test_an_operator_may_leave_addresses_uncounted(ann: User, clock, settings) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 0
    for n in range(120):
        assert attempt(PASSWORD, user=f"name-{n}").status_code == 200
    assert attempt(PASSWORD).status_code == 302


def test_without_an_address_only_names_are_counted(ann: User, clock, settings) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 3
    for n in range(5):
        assert attempt(PASSWORD, user=f"name-{n}", ip="").status_code == 200
    assert attempt(PASSWORD, ip="").status_code == 302


def test_the_proxy_s_other_clients_are_not_locked_out(
    ann: User, clock, settings
) -> None:
    settings.TRUSTED_PROXIES = 1

    def through_proxy(password: str, client: str) -> int:
        forwarded = {"HTTP_X_FORWARDED_FOR": f"198.51.100.9, {client}"}
        return int(attempt(password, ip="10.0.0.1", **forwarded).status_code)

    for _ in range(5):
        last = through_proxy("guess", "192.0.2.66")
    assert last == 429
    assert through_proxy(PASSWORD, "192.0.2.66") == 429
    assert through_proxy(PASSWORD, "192.0.2.1") == 302


def test_the_locked_out_are_told_until_when_and_it_ends_then(ann: User, clock) -> None:
    for _ in range(5):
        answer = attempt("guess")
    html = answer.content.decode()
    assert "Too many failed logins" in html
    assert "2026-11-21 12:15:00 UTC" in html
    assert answer["Retry-After"] == "900"
    assert "Content-Security-Policy" in answer
    clock.shift(600)
    again = attempt("guess")  # not looked at, so it prolongs nothing
    assert "2026-11-21 12:15:00 UTC" in again.content.decode()
    assert again["Retry-After"] == "300"
    clock.shift(301)
    assert attempt(PASSWORD).status_code == 302


def test_a_log_in_forgets_the_failures_before_it(ann: User, clock) -> None:
    for _ in range(2):
        for _ in range(4):
            attempt("guess")
        assert attempt(PASSWORD).status_code == 302


def test_the_password_is_guessed_no_faster_from_inside(ann: User, clock) -> None:
    client = logged_in()
    page = "/staff/account/second-factor/"
    given = [client.post(page, {"password": "guess"}).status_code for _ in range(5)]
    assert given == [422] * 4 + [429]
    assert client.post(page, {"password": PASSWORD}).status_code == 429


def test_what_was_typed_is_not_kept(ann: User, clock) -> None:
    client = logged_in()
    client.post(
        "/staff/account/second-factor/remove/",
        {"password": "my-old-password", "code": "abcd-efgh-jkmn-pqrs"},
    )
    kept = str(list(AccessAttempt.objects.values()))
    assert "my-old-password" not in kept
    assert "abcd" not in kept


# --- Sessions ------------------------------------------------------------------------


def test_a_session_ends_when_nothing_is_done(ann: User, clock) -> None:
    client = logged_in()
    clock.shift(HOUR - 1)
    assert inside(client)
    clock.shift(HOUR)
    answer = client.get("/staff/account/", follow=True)
    assert answer.redirect_chain[-1][0] == f"{LOGIN}?next=/staff/account/"
    assert "nothing was done for a while" in answer.content.decode()
    assert not inside(client)


def test_a_page_that_refreshes_itself_keeps_no_session_alive(ann: User, clock) -> None:
    page = f"/staff/deliveries/{traffic.delivery().pk}/progress/"
    client = logged_in()
    for _ in range(3):
        clock.shift(HOUR / 3 + 1)
        answer = client.get(page)
    assert answer.status_code == 302


def test_every_such_page_says_so() -> None:
    parts = [
        page
        for page in pages()
        if page.name == "staff:alerts" or page.name.endswith("-progress")
    ]
    assert len(parts) == 4
    assert not any(page.view.view_class.keeps_session_alive for page in parts)


def test_a_session_ends_half_a_day_after_its_log_in_however_busy(
    ann: User, clock
) -> None:
    client = logged_in()
    for _ in range(23):
        clock.shift(HOUR / 2)
        client.post(  # writes to the session
            f"/staff/partners/{factories.partner().pk}/explore/"
        )
        assert inside(client)
    clock.shift(HOUR / 2)
    answer = client.get("/staff/account/", follow=True)
    assert "Your session has ended" in answer.content.decode()


def test_an_explorer_s_session_ends_too(ann: User, clock) -> None:
    client = logged_in()
    client.post(f"/staff/partners/{factories.partner().pk}/explore/")
    html: Any = {"HTTP_ACCEPT": "text/html"}
    clock.shift(HOUR - 1)
    assert client.get("/v1/webhooks", **html).status_code == 200
    clock.shift(HOUR - 1)  # exploring is a sign of life
    assert client.get("/v1/webhooks", **html).status_code == 200
    clock.shift(HOUR)
    for _ in range(2):  # being refused is no sign of life
        assert client.get("/v1/webhooks", **html).status_code == 401
    assert not inside(client)


def test_signs_of_life_are_written_once_a_minute(ann: User, clock) -> None:
    client = logged_in()
    assert written(client) == 0
    clock.shift(59)
    assert written(client) == 0
    clock.shift(1)
    assert written(client) == 1
    assert written(client) == 0


def written(client: Client) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert inside(client)
    return sum(q["sql"].startswith(("INSERT", "UPDATE")) for q in captured)


def test_a_visitor_has_no_session(db) -> None:
    client = Client()
    client.get("/")
    client.get("/docs/")
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("query", "to"),
    [
        ("", "/staff/"),
        ("?next=/staff/deliveries/", "/staff/deliveries/"),
        ("?next=//evil.example.com/", "/staff/"),
    ],
)
def test_who_is_logged_in_is_led_on(ann: User, clock, query, to) -> None:
    assert logged_in().get(LOGIN + query)["Location"] == to
    assert Client().get(LOGIN + query).status_code == 200


def test_a_new_password_ends_the_other_sessions(ann: User, clock) -> None:
    here, elsewhere = logged_in(), logged_in()
    fresh = "another long phrase"
    answer = here.post(
        CHANGE, {"password": PASSWORD, "new": fresh, "again": fresh}, follow=True
    )
    assert "Everywhere else you are logged out" in answer.content.decode()
    assert inside(here)
    assert not inside(elsewhere)
    ann.refresh_from_db()
    assert ann.check_password(fresh)
    entry = AuditEntry.objects.get(action="user.password_changed")
    assert (entry.actor, entry.target_id) == ("ann", str(ann.pk))
    assert fresh not in str(entry.after)


@pytest.mark.parametrize(
    ("sent", "field", "says"),
    [
        ({"password": "guess"}, "password", "This is not your password."),
        ({"again": "else"}, "again", "not the same as the new password above"),
        ({"new": "12345", "again": "12345"}, "new", "entirely numeric"),
        ({"new": "", "again": ""}, "new", "required"),
    ],
)
def test_a_password_that_will_not_do_is_said_beside_its_field(
    ann: User, clock, sent, field, says
) -> None:
    fresh = "another long phrase"
    form = {"password": PASSWORD, "new": fresh, "again": fresh} | sent
    answer = logged_in().post(CHANGE, form)
    assert answer.status_code == 422
    assert says in " ".join(answer.context["form"].errors[field])
    assert fresh not in answer.content.decode()
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


def test_guesses_of_the_old_password_are_counted(ann: User, clock) -> None:
    client = logged_in()
    fresh = {"new": "another long phrase", "again": "another long phrase"}
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post(CHANGE, {"password": "guess", **fresh})
    client.post(CHANGE, {"password": PASSWORD, **fresh})
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


def test_the_admins_own_address_leads_there(ann: User, clock) -> None:
    assert logged_in().get("/admin/password_change/")["Location"] == CHANGE


def test_logging_out_ends_exploring(ann: User, clock) -> None:
    client = logged_in()
    client.post(f"/staff/partners/{factories.partner().pk}/explore/")
    old = client.cookies["sessionid"].value
    client.post("/admin/logout/")
    client.cookies["sessionid"] = old
    assert client.get("/v1/webhooks", HTTP_ACCEPT="text/html").status_code == 401
    assert not Session.objects.filter(session_key=old).exists()


def test_the_user_menu_leads_to_one_s_own_account(ann: User, clock) -> None:
    html = logged_in().get("/staff/account/").content.decode()
    assert re.search(r'href="/staff/account/"[^>]*>\s*Your account', html)


# --- How passwords are kept -----------------------------------------------------------


def test_a_password_hashed_in_an_older_way_is_hashed_anew_at_its_login(
    db: None, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS
    ann = User(username="ann", is_staff=True, is_superuser=True)
    ann.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
    ann.save()
    assert attempt(PASSWORD).status_code == 302
    ann.refresh_from_db()
    # OWASP's Password Storage Cheat Sheet: Argon2id with 19 MiB, 2 iterations, 1 thread.
    assert ann.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert attempt(PASSWORD).status_code == 302
    assert attempt("wrong").status_code == 200
