"""Forms that are made to be expensive: what they may cost, by who sends them."""

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import Client

from tests.test_roles import pages
from tests.test_wsgi import ask
from webhooks.front.middleware import LONGEST_BEFORE_LOGIN
from webhooks.models import StaffSession

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("templates_of_others"),
]

MEBIBYTE = 1024 * 1024
PLAIN = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
BACKEND = "django.contrib.auth.backends.ModelBackend"
TOKEN = "a" * 32
BEFORE_LOGIN = [
    "/admin/login/",
    "/staff/login/code/",
    "/staff/account/password/",
    "/staff/account/second-factor/",
    "/staff/partners/new/",
    "/",
]
SOON = 0.1  # seconds of the processor; they took 0.3 to 2.5


@pytest.fixture(autouse=True)
def connection_of_the_test() -> Iterator[None]:
    """A request closes the connection of the test; Django's own client leaves it open, too."""
    request_started.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)


def percents(length: int) -> bytes:
    return b"a=" + b"%" * (length - 2)


def semicolons(length: int) -> bytes:
    part = b"--x\r\nContent-Disposition: form-data; name=a%b\r\n\r\nv\r\n" % (
        b";" * 930
    )
    return part * (length // len(part)) + b"--x--\r\n"


def post(path: str, body: bytes, kind: str, session: str = "") -> tuple[int, float]:
    """The status, and the processor time of the fastest of three."""
    cookies = f"{settings.CSRF_COOKIE_NAME}={TOKEN}"
    if session:
        cookies += f"; {settings.SESSION_COOKIE_NAME}={session}"
    times = []
    for _ in range(3):
        before = time.thread_time()
        status, *_ = ask(
            path,
            REQUEST_METHOD="POST",
            CONTENT_TYPE=kind,
            CONTENT_LENGTH=str(len(body)),
            HTTP_COOKIE=cookies,
            **{"wsgi.input": io.BytesIO(body)},
        )
        times.append(time.thread_time() - before)
    return status, min(times)


def session_of(client: Client) -> str:
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.mark.parametrize("path", BEFORE_LOGIN)
def test_a_stranger_s_long_form_is_not_read(path):
    body = percents(MEBIBYTE)
    for session in ("", "x" * 32):
        status, seconds = post(path, body, PLAIN, session)
        assert status == 413
        assert seconds < SOON


@pytest.mark.parametrize("path", BEFORE_LOGIN)
def test_a_form_of_the_greatest_length_for_a_stranger_is_read_soon(path):
    status, seconds = post(path, percents(LONGEST_BEFORE_LOGIN), PLAIN)
    assert status != 413
    assert seconds < SOON
    assert post(path, percents(LONGEST_BEFORE_LOGIN + 1), PLAIN)[0] == 413


def test_the_longest_login_is_read(client, db):
    """The longest password that is looked at, and an address to return to."""
    form = {
        "username": "é" * 150,
        "password": "%" * 4096,
        "next": "/staff/?q=" + "a" * 16_000,
    }
    for path in ("/admin/login/", "/staff/login/code/"):
        assert client.post(path, form).status_code != 413


def test_a_short_form_is_read_with_its_token():
    boss = User.objects.create_superuser("boss", password="correct horse")
    body = f"csrfmiddlewaretoken={TOKEN}&username=boss&password=correct+horse"
    before = boss.last_login
    status, _ = post("/admin/login/", body.encode(), PLAIN)
    assert status == 302
    boss.refresh_from_db()
    assert boss.last_login != before


def test_no_page_reads_a_long_form_of_a_stranger():
    client = Client()
    for page in pages():
        path = "/" + page.route.replace("<int:user>", "1").replace("<uuid:id>", ID)
        path = path.replace("<uuid:event>", ID).replace("<path:", "x").replace(">", "")
        answer = client.post(path, percents(LONGEST_BEFORE_LOGIN + 1), PLAIN)
        assert answer.status_code == 413, path


ID = "00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("path", [*BEFORE_LOGIN, "/admin/", "/v1/webhooks", "/no/page"])
def test_no_page_reads_a_form_with_files(path):
    """Of nobody: a browser sends one only where a page asks for a file."""
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"), BACKEND)
    for session in ("", session_of(boss)):
        for length in (LONGEST_BEFORE_LOGIN, MEBIBYTE):
            status, seconds = post(path, semicolons(length), PARTS, session)
            assert status < 500
            assert seconds < SOON


@pytest.mark.parametrize("path", ["/no/page", "/admin/no/page"])
def test_no_page_of_an_error_reads_a_form(path):
    """Where it looks for the token of a form that it might show."""
    status, seconds = post(path, percents(MEBIBYTE), PLAIN)
    assert status in (404, 413)
    assert seconds < SOON


class TestByLogin:
    @pytest.fixture
    def boss(self) -> Client:
        client = Client()
        client.force_login(User.objects.create_superuser("boss"), BACKEND)
        assert client.get("/staff/partners/new/").status_code == 200
        return client

    def answer(self, client: Client) -> int:
        body = percents(MEBIBYTE)
        path = "/staff/partners/new/"
        return int(client.post(path, body, content_type=PLAIN).status_code)

    def test_staff_may_send_a_long_form(self, boss):
        assert self.answer(boss) == 422

    def test_nobody_may_while_a_step_is_left(self, boss, settings: Any):
        settings.REQUIRE_SECOND_FACTOR = True
        assert self.answer(boss) == 413

    def test_nobody_may_when_the_session_is_over(self, boss):
        StaffSession.objects.all().delete()
        assert self.answer(boss) == 413
