"""A second factor: set up by its owner, required at every login, removed."""

import re
from base64 import b32decode
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django_otp.oath import TOTP

from tests import factories
from tests.clock import at
from tests.test_roles import pages
from webhooks.models import AuditEntry, Authenticator, RecoveryCode, keyformat
from webhooks.operations import secondfactor
from webhooks.operations.audit import SYSTEM

NOW = datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)
PASSWORD = "correct horse"
CODE = "/staff/login/code/"
SET_UP = "/staff/account/second-factor/"
CONFIRM = f"{SET_UP}confirm/"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as moved:
        yield moved


@pytest.fixture
def ann(db) -> User:
    user = User.objects.create_user("ann", password=PASSWORD, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            codename__in=["view_delivery", "view_partner", "explore_partner"]
        )
    )
    return user


@pytest.fixture
def enrolled(ann: User, clock) -> list[str]:
    """Ann's recovery codes; her authenticator was asked a minute ago."""
    upgrade(NOW - timedelta(days=1))
    with time_machine.travel(NOW - timedelta(minutes=1), tick=False):
        begun = at(NOW - timedelta(minutes=1), secondfactor.begin, user=ann)
        return at(
            NOW - timedelta(minutes=1),
            secondfactor.confirm,
            by=SYSTEM,
            user=ann,
            code=code_of(begun, NOW - timedelta(minutes=1)),
        )


def upgrade(to_0_2: datetime) -> None:
    """As if the portal had been upgraded then."""
    migrations = MigrationRecorder.Migration.objects.filter(app="webhooks")
    migrations.filter(name__startswith="0002").update(applied=to_0_2)


def code_of(authenticator: Authenticator, at: datetime) -> str:
    app = TOTP(b32decode(authenticator.reveal()))
    app.time = at.timestamp()
    return f"{app.token():06}"


def code_now() -> str:
    return code_of(Authenticator.objects.get(), datetime.now(UTC))


def wrong_code() -> str:
    return f"{(int(code_now()) + 1) % 1_000_000:06}"


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user, BACKEND)
    return client


def by_password(user: str = "ann", to: str = "/staff/deliveries/") -> Client:
    client = Client()
    answer = client.post(
        f"/admin/login/?next={to}", {"username": user, "password": PASSWORD}
    )
    assert answer.status_code == 302
    return client


def inside(client: Client) -> bool:
    return bool(client.get("/staff/deliveries/").status_code == 200)


def actions() -> list[str]:
    entries = AuditEntry.objects.filter(action__startswith="factor.").order_by("id")
    return list(entries.values_list("action", flat=True))


# --- Setting it up -------------------------------------------------------------------


def test_it_is_set_up_with_the_password_and_a_code(ann: User, clock) -> None:
    client = logged_in(ann)
    assert "Set it up" in client.get("/staff/account/").content.decode()
    wrong = client.post(SET_UP, {"password": "guess"})
    assert wrong.status_code == 422
    assert "This is not your password." in wrong.content.decode()
    assert not Authenticator.objects.exists()

    assert client.post(SET_UP, {"password": PASSWORD})["Location"] == CONFIRM
    page = client.get(CONFIRM)
    html = page.content.decode()
    key = Authenticator.objects.get().reveal()
    assert "no-store" in page["Cache-Control"]
    assert f"secret={key}&amp;issuer=Webhook%20Portal" in html
    assert " ".join(re.findall("....", key)) in html
    assert '<path d="M' in html
    refused = client.post(CONFIRM, {"code": wrong_code()})
    assert refused.status_code == 422
    assert secondfactor.of(ann) is None

    clock.shift(2)
    shown = client.post(CONFIRM, {"code": code_now()})
    codes = re.findall(r"\b[a-z2-9]{4}(?:-[a-z2-9]{4}){5}\b", shown.content.decode())
    assert len(set(codes)) == 10
    assert "no-store" in shown["Cache-Control"]
    assert inside(client)  # this session has shown it
    assert actions() == ["factor.code_refused", "factor.enrolled"]
    assert "10 recovery codes left" in client.get("/staff/account/").content.decode()


def test_a_key_that_took_the_place_of_the_one_scanned_is_not_confirmed(
    ann: User, clock, monkeypatch
) -> None:
    """Set up in two tabs at once: between the look at a code and what follows from it."""
    client = logged_in(ann)
    client.post(SET_UP, {"password": PASSWORD})
    looked = secondfactor._spend

    def overtaken(*args, **kwargs):
        spent = looked(*args, **kwargs)
        secondfactor.begin(user=ann)
        return spent

    monkeypatch.setattr(secondfactor, "_spend", overtaken)
    assert client.post(CONFIRM, {"code": code_now()})["Location"] == SET_UP
    assert secondfactor.of(ann) is None, "nobody has the new key"


def test_what_is_not_confirmed_asks_for_nothing(ann: User, clock) -> None:
    at(NOW, secondfactor.begin, user=ann)
    assert inside(by_password())


def test_what_is_set_up_cannot_be_set_up_over(ann: User, enrolled) -> None:
    client = logged_in(ann)
    client.post(CODE, {"code": code_now()})
    assert client.post(SET_UP, {"password": PASSWORD})["Location"] == "/staff/account/"
    assert client.get(CONFIRM)["Location"] == SET_UP
    with pytest.raises(secondfactor.AlreadySetUp):
        at(NOW, secondfactor.begin, user=ann)


def test_neither_the_key_nor_a_code_is_in_the_database(ann: User, enrolled) -> None:
    key = Authenticator.objects.get().reveal()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM webhooks_authenticator")
        stored = str(cursor.fetchall())
        cursor.execute("SELECT * FROM webhooks_recoverycode")
        stored += str(cursor.fetchall())
    assert key not in stored
    assert b32decode(key).hex() not in stored
    for text in enrolled:
        assert text not in stored
        assert text.replace("-", "") not in stored


def test_the_key_is_of_its_own_row(ann: User, enrolled) -> None:
    other = User.objects.create_user("other")
    row = Authenticator.objects.get()
    row.user_id = other.pk
    with pytest.raises(Exception, match="altered"):
        row.reveal()


# --- At the login --------------------------------------------------------------------


def test_after_the_password_a_code_is_asked_for_and_leads_on(
    ann: User, enrolled
) -> None:
    client = by_password()
    led = client.get("/staff/deliveries/")
    assert led["Location"] == f"{CODE}?next=%2Fstaff%2Fdeliveries%2F"
    page = client.get(led["Location"])
    assert page.status_code == 200
    assert 'autocomplete="one-time-code"' in page.content.decode()
    assert 'href="/staff/deliveries/"' not in page.content.decode()
    before = client.cookies["sessionid"].value
    passed = client.post(
        led["Location"], {"code": f" {code_now()[:3]} {code_now()[3:]}"}
    )
    assert passed["Location"] == "/staff/deliveries/"
    assert client.cookies["sessionid"].value != before
    assert inside(client)


def test_it_leads_to_no_other_host(ann: User, enrolled) -> None:
    client = by_password()
    answer = client.post(f"{CODE}?next=https://evil.example/", {"code": code_now()})
    assert answer["Location"] == "/staff/"


def test_no_door_opens_to_the_password_alone(ann: User, enrolled) -> None:
    ann.is_superuser = True
    ann.save()
    client, opened = by_password(), []
    for page in pages():
        if page.name in ("admin:login", "admin:logout", "staff:enter-code"):
            continue
        address = "/" + re.sub(r"[\^(].*$|<uuid:\w+>|<[\w:]+>", _place, page.route)
        for ask in (client.get, client.post):
            answer = ask(address)
            if not answer.get("Location", "").startswith(CODE):
                opened.append(f"{page.name} {address}: {answer.status_code}")
    assert not opened, "\n".join(opened)


def _place(match: re.Match[str]) -> str:
    if match[0].startswith("<int"):
        return "1"
    if match[0].startswith("<"):
        return "00000000-0000-7000-8000-000000000000"
    return "webhooks/" if "app_label" in match[0] else "nowhere/"


def test_the_browsable_api_is_such_a_door(ann: User, clock) -> None:
    html: Any = {"HTTP_ACCEPT": "text/html"}
    partner = factories.partner()
    client = logged_in(ann)
    client.post(f"/staff/partners/{partner.pk}/explore/")
    assert client.get("/v1/webhooks", **html).status_code == 200
    # It is set up in another browser: this one has shown the password alone.
    begun = at(NOW, secondfactor.begin, user=ann)
    at(NOW, secondfactor.confirm, by=SYSTEM, user=ann, code=code_of(begun, NOW))
    assert client.get("/v1/webhooks", **html).status_code == 401
    clock.shift(30)
    client.post(CODE, {"code": code_now()})
    assert client.get("/v1/webhooks", **html).status_code == 200


def test_a_code_is_taken_once(ann: User, enrolled) -> None:
    code = code_now()
    assert by_password().post(CODE, {"code": code}).status_code == 302
    again = by_password().post(CODE, {"code": code})
    assert again.status_code == 422
    assert "taken once" in again.content.decode()


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-30, True), (30, True), (-90, False)]
)
def test_a_phone_may_be_off_by_half_a_minute(
    ann: User, enrolled, clock, seconds: int, is_taken: bool
) -> None:
    clock.shift(300)
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    with time_machine.travel(at, tick=False):
        code = code_now()
    answer = by_password().post(CODE, {"code": code})
    assert (answer.status_code == 302) is is_taken


def test_guesses_wait_longer_each_time_and_a_quarter_of_an_hour_at_most(
    ann: User, enrolled, clock
) -> None:
    client = by_password()
    assert client.post(CODE, {"code": wrong_code()}).status_code == 422
    early = client.post(CODE, {"code": code_now()})
    assert early.status_code == 429
    assert "was not looked at" in early.content.decode()
    for _ in range(20):
        clock.shift(1100)
        assert client.post(CODE, {"code": wrong_code()}).status_code == 422
    # Of another browser as well: it is the authenticator that is guarded.
    clock.shift(1000)
    assert by_password().post(CODE, {"code": code_now()}).status_code == 429
    clock.shift(25)
    assert by_password().post(CODE, {"code": code_now()}).status_code == 302
    assert Authenticator.objects.get().throttling_failure_count == 0


@pytest.mark.parametrize("text", ["", "٣٤٥٦٧٨", "12345", "1234567", "x" * 41, "\x00"])
def test_what_is_no_code_is_refused(ann: User, enrolled, text: str) -> None:
    answer = by_password().post(CODE, {"code": text})
    assert answer.status_code == 422


def test_who_owes_nothing_is_led_on(ann: User, clock) -> None:
    client = logged_in(ann)
    for answer in (client.get(CODE), client.post(CODE, {"code": "1"})):
        assert answer["Location"] == "/staff/"


# --- Recovery codes ------------------------------------------------------------------


def test_a_recovery_code_stands_for_the_phone_once(ann: User, enrolled) -> None:
    code = enrolled[3].upper().replace("-", " ")
    assert by_password().post(CODE, {"code": code}).status_code == 302
    again = by_password().post(CODE, {"code": code})
    assert again.status_code == 422
    assert "nor a recovery code that is left" in again.content.decode()
    assert "clock" not in again.content.decode()
    entry = AuditEntry.objects.get(action="factor.recovery_code_used")
    assert entry.after == {"left": 9}
    assert (entry.actor, entry.target_id) == ("ann", str(ann.pk))


def test_who_has_few_left_is_told(ann: User, enrolled) -> None:
    RecoveryCode.objects.filter(
        pk__in=list(RecoveryCode.objects.values_list("pk", flat=True)[:7])
    ).update(used_at=NOW)
    client = by_password()
    answer = client.post(CODE, {"code": code_now()}, follow=True)
    assert "You have 3 recovery codes left" in answer.content.decode()


def test_codes_from_before_0_2_end_and_their_owner_is_told(
    ann: User, enrolled, clock
) -> None:
    upgrade(NOW)
    short = "abcdefghjkmnpqrs"  # as they were made then
    digest = secondfactor._digest(short, keyformat.current_pepper())
    last = RecoveryCode.objects.latest("pk").pk
    RecoveryCode.objects.filter(pk=last).update(digest=digest)
    answer = by_password().post(CODE, {"code": code_now()}, follow=True)
    assert "good until 2027-02-19. Make new" in answer.content.decode()
    assert "They are from before version 0.2" in answer.content.decode()
    clock.shift(timedelta(days=89))
    assert by_password().post(CODE, {"code": short}).status_code == 302
    RecoveryCode.objects.update(used_at=None)
    clock.shift(timedelta(days=1))
    assert by_password().post(CODE, {"code": short}).status_code == 422
    clock.shift(30)
    client = by_password()
    answer = client.post(CODE, {"code": code_now()}, follow=True)
    assert "You have 0 recovery codes left" in answer.content.decode()
    clock.shift(30)
    client.post("/staff/account/second-factor/codes/", {"code": code_now()})
    assert b"10 recovery codes left, for" in client.get("/staff/account/").content


def test_new_recovery_codes_void_the_old(ann: User, enrolled, clock) -> None:
    client = by_password()
    client.post(CODE, {"code": code_now()})
    clock.shift(30)
    shown = client.post("/staff/account/second-factor/codes/", {"code": code_now()})
    assert shown.status_code == 200
    assert by_password().post(CODE, {"code": enrolled[0]}).status_code == 422
    assert "factor.codes_renewed" in actions()


def test_they_open_when_the_key_no_longer_decrypts(
    ann: User, enrolled, settings
) -> None:
    code = code_now()
    settings.ENCRYPTION_KEYS = {"new": bytes(32)}
    client = by_password()
    assert client.post(CODE, {"code": code}).status_code == 422
    Authenticator.objects.update(throttling_failure_count=0)
    assert client.post(CODE, {"code": enrolled[0]}).status_code == 302


def test_the_key_moves_to_a_new_encryption_key(ann: User, enrolled, settings) -> None:
    new = {"new": bytes(32)}
    settings.ENCRYPTION_KEYS = {**new, **settings.ENCRYPTION_KEYS}
    call_command("rotate_encryption", stdout=StringIO())
    settings.ENCRYPTION_KEYS = new
    assert by_password().post(CODE, {"code": code_now()}).status_code == 302


# --- Taking it away ------------------------------------------------------------------


def test_its_owner_removes_it_with_password_and_code(
    ann: User, enrolled, clock
) -> None:
    client = by_password()
    client.post(CODE, {"code": code_now()})
    clock.shift(30)
    page = "/staff/account/second-factor/remove/"
    for given in ({"code": code_now()}, {"password": PASSWORD}, {"password": "x"}):
        assert client.post(page, given).status_code == 422
    assert secondfactor.of(ann) is not None
    answer = client.post(page, {"password": PASSWORD, "code": code_now()})
    assert answer["Location"] == "/staff/account/"
    assert not Authenticator.objects.exists()
    assert actions()[-1] == "factor.removed"
    assert inside(by_password())


def test_a_superuser_takes_away_what_somebody_lost(
    ann: User, enrolled, console: Client, boss: User
) -> None:
    page = f"/admin/auth/user/{ann.pk}/reset-second-factor/"
    row = console.get(f"/admin/auth/user/{ann.pk}/change/").content.decode()
    assert page in row
    assert "set up on 2026-11-21" in row
    assert "the recovery codes of <strong>ann</strong>" in " ".join(
        console.get(page).content.decode().split()
    )
    assert secondfactor.of(ann) is not None
    assert console.post(page).status_code == 302
    assert secondfactor.of(ann) is None
    entry = AuditEntry.objects.get(action="factor.reset")
    assert (entry.actor, entry.target) == (boss.username, "ann")
    assert (
        page not in console.get(f"/admin/auth/user/{ann.pk}/change/").content.decode()
    )
    assert console.post(page).status_code == 302  # and nothing more to take
    assert actions().count("factor.reset") == 1


def test_nobody_takes_away_their_own_without_a_code(ann: User, enrolled) -> None:
    User.objects.filter(pk=ann.pk).update(is_superuser=True)
    client = by_password()
    client.post(CODE, {"code": code_now()})
    page = f"/admin/auth/user/{ann.pk}/reset-second-factor/"
    for answer in (client.get(page), client.post(page)):
        assert answer["Location"] == f"{SET_UP}remove/"
    assert secondfactor.of(ann) is not None


def test_the_command_does_so_too(ann: User, enrolled) -> None:
    out = StringIO()
    call_command("reset_second_factor", "ann", stdout=out)
    assert out.getvalue() == "The second factor of ann is removed.\n"
    assert AuditEntry.objects.get(action="factor.reset").actor_kind == "system"
    for name, words in (
        ("ann", "has no second factor"),
        ("bob", "no staff named 'bob'"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("reset_second_factor", name)


# --- Where it is a duty --------------------------------------------------------------


def test_who_has_none_is_led_to_set_it_up_and_reaches_nothing_else(
    ann: User, clock, settings
) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    client = by_password()
    for address in (
        "/staff/deliveries/",
        "/admin/",
        "/staff/account/",
        "/admin/password_change/",
    ):
        assert client.get(address)["Location"].startswith(f"{SET_UP}?next=")
        assert client.post(address)["Location"] == SET_UP
    page = client.get(SET_UP).content.decode()
    assert "Nothing else opens" in page
    assert 'href="/staff/deliveries/"' not in page
    assert "have permission" not in page
    led = client.post(
        f"{SET_UP}?next=%2Fstaff%2Fdeliveries%2F", {"password": PASSWORD}
    )["Location"]
    assert led == f"{CONFIRM}?next=%2Fstaff%2Fdeliveries%2F"
    assert 'class="crumbs"' not in client.get(led).content.decode()
    shown = client.post(led, {"code": code_now()})
    assert 'href="/staff/deliveries/"' in shown.content.decode()
    assert inside(client)


def test_exploring_waits_for_it_as_well(ann: User, clock, settings) -> None:
    client = logged_in(ann)
    client.post(f"/staff/partners/{factories.partner().pk}/explore/")
    settings.REQUIRE_SECOND_FACTOR = True
    answer = client.get("/v1/webhooks", HTTP_ACCEPT="text/html")
    assert answer.status_code == 401


def test_a_key_needs_none(db, settings) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    _, text = factories.key(factories.partner())
    answer = Client().get("/api/portal/v1/me", HTTP_AUTHORIZATION=f"Bearer {text}")
    assert answer.status_code == 200
