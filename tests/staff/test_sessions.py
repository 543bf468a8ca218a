"""Where staff are logged in: listed, and ended by their owner or by a manager."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from webhooks.models import AuditEntry, InitialPassword, StaffSession
from webhooks.operations import people, secondfactor, sessions
from webhooks.operations.audit import SYSTEM

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse"
FRESH = "another long phrase"
ACCOUNT = "/staff/account/"
CHANGE = "/staff/account/password/"
MINE = {"password": PASSWORD}
BACKEND = "django.contrib.auth.backends.ModelBackend"

pytestmark = [pytest.mark.django_db, pytest.mark.ignore_template_errors]


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as moved:
        yield moved


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", password=PASSWORD, is_staff=True)


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", password=PASSWORD)


def logged_in(name: str = "ann", agent: str = "Firefox", password: str = PASSWORD):
    client = Client(headers={"User-Agent": agent}, REMOTE_ADDR="192.0.2.7")
    client.post("/admin/login/", {"username": name, "password": password})
    return client


def inside(client: Client) -> bool:
    return bool(client.get(ACCOUNT).status_code == 200)


def row_of(client: Client) -> StaffSession:
    return StaffSession.objects.get(pk=client.session["staff_session"])


def actions() -> list[str]:
    rows = AuditEntry.objects.filter(action__contains="revoked").order_by("id")
    return list(rows.values_list("action", flat=True))


# --- Listed -------------------------------------------------------------------------------


def test_ones_account_lists_where_one_is_logged_in(ann: User, clock) -> None:
    here, _ = logged_in(agent="Firefox/1"), logged_in(agent="<b>curl\u202e</b>" * 90)
    clock.shift(120)
    page = here.get(ACCOUNT).content.decode()
    assert page.count("This session") == 1
    assert "Firefox/1" in page
    assert "192.0.2.7" in page
    assert "<b>curl" not in page
    assert "&lt;b&gt;curl" in page
    assert all(len(row.user_agent) <= sessions.MAX_AGENT for row in sessions.live(ann))
    assert f"/sessions/{row_of(here).pk}/end/" not in page


def test_what_no_database_stores_is_left_out(ann: User) -> None:
    agent = "a\0b\ud800 \r\n c"
    row = sessions.begin(user_id=ann.pk, user_agent=agent, address=None)
    row.refresh_from_db()
    assert row.user_agent == "ab? c"


def test_nothing_of_the_browsers_cookie_is_in_the_row(ann: User) -> None:
    client = logged_in()
    row = row_of(client)
    key = client.cookies["sessionid"].value
    assert key not in str(vars(row))
    assert str(row.pk) != key


def test_a_session_without_a_row_gets_one(ann: User) -> None:
    """As one from before the upgrade, and the first request of any other."""
    client = Client()
    client.force_login(ann, BACKEND)
    assert not StaffSession.objects.exists()
    assert inside(client)
    assert StaffSession.objects.get().user == ann


# --- Ended --------------------------------------------------------------------------------


def test_its_owner_ends_one_elsewhere_and_all_others(ann: User) -> None:
    here, there, third = logged_in(), logged_in(agent="Opera"), logged_in()
    address = f"/staff/account/sessions/{row_of(there).pk}/end/"
    assert "Opera, from 192.0.2.7." in here.get(address).content.decode()
    assert here.post(address, MINE)["Location"] == ACCOUNT
    answer = there.get(ACCOUNT, follow=True)
    assert "ended from another one" in answer.content.decode()
    assert inside(third)
    assert here.post("/staff/account/sessions/end/", MINE)["Location"] == ACCOUNT
    assert not inside(third)
    assert inside(here)
    assert actions() == ["session.revoked", "session.all_revoked"]
    again = here.post(address, MINE, follow=True)
    assert "over already" in again.content.decode()


@pytest.mark.parametrize("password", ["", "guess"])
def test_who_finds_an_open_browser_ends_no_session(ann: User, password: str) -> None:
    here, there = logged_in(), logged_in()
    for page in (f"{row_of(there).pk}/end/", "end/"):
        answer = here.post(f"/staff/account/sessions/{page}", {"password": password})
        assert answer.status_code == 422
    assert inside(there)
    assert actions() == []


def test_a_password_typed_again_gives_the_session_a_new_cookie(ann: User) -> None:
    client = logged_in()
    before = client.cookies["sessionid"].value
    client.post("/staff/account/second-factor/", {"password": "guess"})
    assert client.cookies["sessionid"].value == before
    client.post("/staff/account/second-factor/", MINE)
    assert client.cookies["sessionid"].value != before
    assert inside(client)
    assert StaffSession.objects.count() == 1
    client.cookies["sessionid"] = before
    assert not inside(client)


def test_every_cookie_of_production_is_of_this_host_alone(ann, settings) -> None:
    """What is set by name is in the settings; messages have none."""
    settings.SESSION_COOKIE_SECURE = True
    client = logged_in()
    StaffSession.objects.all().delete()
    client.get(ACCOUNT)
    cookie = client.cookies["__Host-messages"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert "ended from another one" in client.get("/admin/login/").content.decode()


def test_a_login_makes_a_new_session(ann: User, boss: User) -> None:
    client = Client()
    client.cookies["sessionid"] = planted = "a" * 32
    seen = {planted}
    for name in ("ann", "ann", "boss"):
        client.post("/admin/login/", {"username": name, "password": PASSWORD})
        new = client.cookies["sessionid"].value
        assert inside(client)
        assert new not in seen
        seen.add(new)
    assert Session.objects.count() == 1  # those of before are gone


def test_it_ends_with_its_row_however_its_cookie_is_kept(ann: User) -> None:
    client = logged_in()
    StaffSession.objects.all().delete()
    assert not inside(client)
    assert not inside(client)


def test_nobody_ends_that_of_another_without_the_permission(ann: User, boss) -> None:
    theirs = logged_in("boss")
    mine = logged_in()
    mine.post(f"/staff/account/sessions/{row_of(theirs).pk}/end/", MINE)
    assert mine.get(f"/staff/people/{boss.pk}/sessions/").status_code == 403
    assert mine.post(f"/staff/people/{boss.pk}/sessions/end/").status_code == 403
    assert inside(theirs)


def test_a_manager_sees_and_ends_those_of_everybody(ann: User, boss: User) -> None:
    ann.groups.add(Group.objects.get(name="Manager"))
    theirs, others = logged_in("boss", "Opera"), logged_in("boss")
    manager = logged_in()
    person = manager.get(f"/admin/auth/user/{boss.pk}/change/").content.decode()
    link = f"/admin/auth/user/{boss.pk}/sessions/"
    assert link in person
    page = manager.get(link, follow=True)
    assert page.request["PATH_INFO"] == f"/staff/people/{boss.pk}/sessions/"
    assert "Opera" in page.content.decode()
    one = f"/staff/people/{boss.pk}/sessions/{row_of(theirs).pk}/end/"
    assert manager.post(one).status_code == 302
    assert not inside(theirs)
    assert inside(others)
    assert manager.post(f"/staff/people/{boss.pk}/sessions/end/").status_code == 302
    assert not inside(others)
    entry = AuditEntry.objects.get(action="session.revoked")
    assert (entry.actor, entry.target) == ("ann", "boss")


def test_a_log_out_clears_what_the_browser_keeps(ann: User) -> None:
    client = logged_in()
    answer = client.post("/admin/logout/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert "kept of the console is cleared" in answer.content.decode()
    assert not StaffSession.objects.exists()


def test_a_get_clears_nothing(ann: User) -> None:
    """Any other site can have a browser send one."""
    client = logged_in()
    assert "Clear-Site-Data" not in client.get("/admin/logout/")
    assert inside(client)


@pytest.mark.parametrize("change", ["inactive", "no staff", "password", "factor"])
def test_what_a_superuser_changes_ends_the_sessions(
    ann: User, boss: User, change: str, clock
) -> None:
    theirs = logged_in()
    assert inside(theirs)
    console = logged_in("boss")
    page = f"/admin/auth/user/{ann.pk}/"
    if change == "password":
        console.post(
            f"{page}password/",
            {"password1": FRESH, "password2": FRESH, "usable_password": "true"},
        )
    elif change == "factor":
        secondfactor.begin(user=ann)
        secondfactor.waiting(ann)
        ann.authenticator_set.update(confirmed=True)
        secondfactor.reset(by=SYSTEM, user=ann)
    else:
        fields = {"username": "ann", "is_active": "on", "is_staff": "on"}
        fields.pop("is_active" if change == "inactive" else "is_staff")
        joined = {"date_joined_0": "2026-11-01", "date_joined_1": "12:00:00"}
        console.post(f"{page}change/", {**fields, **joined})
    assert not StaffSession.objects.filter(user=ann).exists()
    assert not inside(theirs)
    assert inside(console)


def test_a_lost_permission_holds_at_once(ann: User) -> None:
    """So a session need not end with it."""
    ann.groups.add(Group.objects.get(name="Viewer"))
    client = logged_in()
    assert client.get("/staff/deliveries/").status_code == 200
    ann.groups.clear()
    assert client.get("/staff/deliveries/").status_code == 403


# --- Idle, and over -----------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1, 20, 60, 3600])
def test_an_idle_time_out_of_any_length_holds(ann: User, clock, settings, seconds):
    settings.SESSION_IDLE_SECONDS = seconds
    client = logged_in()
    for _ in range(12):  # as long as something is done, it goes on
        clock.shift(timedelta(seconds=seconds * 0.8))
        assert inside(client)
    clock.shift(timedelta(seconds=seconds))
    assert not inside(client)


def test_what_is_over_is_not_listed_and_then_deleted(ann: User, clock) -> None:
    logged_in()
    clock.shift(3601)
    assert sessions.live(ann) == []
    assert StaffSession.objects.exists()
    assert not sessions.forget()
    assert not StaffSession.objects.exists()
    clock.shift(24 * 3600)
    sessions.forget()
    assert not Session.objects.exists()


# --- Passwords that somebody else knows ---------------------------------------------------


@pytest.fixture
def given(boss: User) -> User:
    """An account that a superuser has made."""
    logged_in("boss").post(
        "/admin/auth/user/add/",
        {
            "username": "new", "usable_password": "true",
            "password1": PASSWORD, "password2": PASSWORD,
        },
    )  # fmt: skip
    user = User.objects.get(username="new")
    user.is_staff = True
    user.groups.add(Group.objects.get(name="Viewer"))
    user.save()
    return user


def test_a_password_of_somebody_else_opens_only_its_own_change(clock, given) -> None:
    client = logged_in("new")
    for address in (ACCOUNT, "/staff/deliveries/", "/admin/"):
        assert client.get(address)["Location"].startswith(f"{CHANGE}?next=")
    page = client.get(f"{CHANGE}?next=/staff/deliveries/")
    assert "Somebody else has set your password" in page.content.decode()
    form = {"password": PASSWORD, "new": PASSWORD, "again": PASSWORD}
    assert client.post(CHANGE, form).status_code == 422
    form = {"password": PASSWORD, "new": FRESH, "again": FRESH}
    answer = client.post(f"{CHANGE}?next=/staff/deliveries/", form)
    assert answer["Location"] == "/staff/deliveries/"
    assert client.get("/staff/deliveries/").status_code == 200
    assert not InitialPassword.objects.exists()


def test_it_expires(clock, given, settings) -> None:
    clock.shift(timedelta(hours=settings.INITIAL_PASSWORD_HOURS))
    client = logged_in("new")
    answer = client.get(CHANGE, follow=True)
    assert "no longer valid" in answer.content.decode()
    assert not inside(client)
    assert not inside(logged_in("new"))


def test_one_that_a_superuser_sets_is_such_a_password(clock, ann, boss) -> None:
    logged_in("boss").post(
        f"/admin/auth/user/{ann.pk}/password/",
        {"password1": FRESH, "password2": FRESH, "usable_password": "true"},
    )
    assert logged_in(password=FRESH).get(ACCOUNT)["Location"].startswith(CHANGE)


def test_a_superuser_changes_their_own_with_the_present_one_only(boss: User) -> None:
    page = f"/admin/auth/user/{boss.pk}/password/"
    form = {"password1": FRESH, "password2": FRESH, "usable_password": "true"}
    client = logged_in("boss")
    assert client.get(page)["Location"] == CHANGE
    assert client.post(page, form)["Location"] == CHANGE
    boss.refresh_from_db()
    assert boss.check_password(PASSWORD)


def test_no_password_is_longer_than_the_login_takes(ann: User) -> None:
    long = "long phrase " * 400
    client = logged_in()
    for new, status in ((long[:4097], 422), (long[:4096], 302)):
        form = {"password": PASSWORD, "new": new, "again": new}
        assert client.post(CHANGE, form).status_code == status
    assert inside(logged_in(password=long[:4096]))


def test_an_operator_who_types_a_new_one_ends_it(clock, given, monkeypatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: FRESH)
    call_command("changepassword", "new", stdout=StringIO())
    assert people.initial_password(User.objects.get(pk=given.pk)) is None
    assert inside(logged_in("new", password=FRESH))
