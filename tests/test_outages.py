"""A database that is away, or busy for too long: 503 with Retry-After, and nothing half done."""

import json
import re
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import Error, IntegrityError, OperationalError, connection, transaction

from tests import severable
from tests.management import portal
from tests.rest.test_every_operation import operations
from tests.served import Served
from tests.waiting import eventually
from webhooks.front import refusals
from webhooks.models import ApiKey, outages

PARTNER, PUBLISHER = ApiKey.Kind.PARTNER.value, ApiKey.Kind.PUBLISHER.value
CAPA = "/api/partner/v1/webhook-settings"
PAGES = ("/staff/", "/staff/partners/", "/admin/", "/admin/webhooks/partner/")
LIMITS = {"WEB_LOCK_TIMEOUT": "1", "WEB_STATEMENT_TIMEOUT": "30"}

on_postgresql = pytest.mark.postgresql("SQLite is no server")


# --- Which errors it is ---------------------------------------------------------------


def raised(sql: str, *before: str) -> Exception:
    """The error of a statement, in a transaction of its own after others."""
    with transaction.atomic(), connection.cursor() as cursor:
        for each in before:
            cursor.execute(each)
        with pytest.raises(Error) as caught:
            cursor.execute(sql)
        transaction.set_rollback(True)
    return caught.value


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM nothing", "SELECT FROM FROM", "SELECT nothing FROM auth_user"],
)
def test_a_wrong_statement_is_no_outage(sql):
    assert not outages.is_outage(raised(sql))


@pytest.mark.django_db
def test_what_the_tables_refuse_is_no_outage():
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        ApiKey.objects.create(id="00000000-0000-0000-0000-000000000000", name=None)
    assert not outages.is_outage(caught.value)


def test_neither_is_what_no_database_said():
    assert not outages.is_outage(None)
    assert not outages.is_outage(OSError("no route to host"))
    assert outages.is_outage(OperationalError("connection refused"))


@pytest.mark.django_db(transaction=True)
@on_postgresql
@pytest.mark.parametrize(
    ("sql", "before"),
    [
        ("SELECT pg_sleep(9)", "SET LOCAL statement_timeout = 10"),
        ("DELETE FROM auth_group", "SET TRANSACTION READ ONLY"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"),
        ("SELECT pg_cancel_backend(pg_backend_pid())", "SELECT 1"),
        ("DO $$BEGIN RAISE SQLSTATE '40P01'; END$$", "SELECT 1"),
        ("DO $$BEGIN RAISE SQLSTATE '53300'; END$$", "SELECT 1"),
    ],
)
def test_postgresql_says_that_it_cannot_now(sql, before):
    assert outages.is_outage(raised(sql, before))
    connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.sqlite("in its own words")
def test_sqlite_says_that_it_cannot_now():
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        try:
            with pytest.raises(Error) as caught:
                cursor.execute("DELETE FROM auth_group")
        finally:
            cursor.execute("PRAGMA query_only = OFF")
    assert outages.is_outage(caught.value)


# --- The portal without its database --------------------------------------------------


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_told(self) -> bool:
        return self.status == 503 and self.headers["retry-after"] == "5"


@dataclass(frozen=True)
class Scene:
    """A portal over a database that can be taken away, with a key of each kind."""

    served: Served
    database: severable.Severable
    keys: dict[str, str] = field(default_factory=dict)
    cookies: str = ""

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        request = urllib.request.Request(
            self.served.url + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Cookie": self.cookies, **headers},
            method=method,
        )
        opener = urllib.request.build_opener(_Unredirected)
        try:
            response = opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            names = {name.lower(): text for name, text in response.headers.items()}
            return Answer(response.status, names, response.read())

    def put(self, url: str) -> Answer:
        key = {"partner-api-key": self.keys[PARTNER]}
        return self.send("PUT", CAPA, {"url": f"https://{url}/"}, **key)

    def new_session(self) -> str:
        """The cookie of one that made no request yet: its first one writes to it."""
        done = portal.manage(
            "shell", "-v0", "-c", LOGIN, database_url=self.served.database_url
        )
        return done.stdout.strip()

    @contextmanager
    def away(self) -> Iterator[None]:
        self.database.take_away()
        try:
            yield
        finally:
            self.database.give_back()

    @contextmanager
    def locked(self) -> Iterator[Any]:
        """Another process changes the partner and takes its time."""
        with connected(self.served.database_url) as other:
            if isinstance(other, sqlite3.Connection):
                other.execute("BEGIN IMMEDIATE")
            else:
                other.execute("BEGIN")
                other.execute("LOCK TABLE webhooks_subscription IN EXCLUSIVE MODE")
            yield other
            other.execute("ROLLBACK")


class _Unredirected(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@contextmanager
def connected(url: str) -> Iterator[Any]:
    file = url.removeprefix("sqlite:///")
    with closing(
        psycopg.connect(url, autocommit=True)
        if file == url
        else sqlite3.connect(file, isolation_level=None)
    ) as other:
        yield other


LOGIN = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
ann = User.objects.get_or_create(username="ann", is_staff=True, is_superuser=True)[0]
client.force_login(ann)
print("; ".join(f"{c.key}={c.value}" for c in client.cookies.values()))
"""


@contextmanager
def scene(folder: Path, **limits: str) -> Iterator[Scene]:
    with severable.database(folder) as database:
        url = database.url
        done = portal.manage("migrate", "--verbosity", "0", database_url=url)
        assert done.returncode == 0, done.stderr
        limits = LIMITS | limits
        with portal.serving(database_url=url, log=folder / "log", **limits) as (
            port,
            _,
        ):
            served = Served(port, url)
            cookies = portal.manage("shell", "-v0", "-c", LOGIN, database_url=url)
            keys = {
                PARTNER: served.key("Acme"),
                PUBLISHER: served.issue("--publisher")["key"],
            }
            yield Scene(served, database, keys, cookies.stdout.strip())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("outage")) as found:
        yield found


def test_every_operation_says_so_in_the_shape_of_its_interface(here):
    calls = [
        (method, re.sub("<[^>]+>", "x", path), authentication)
        for method, path, authentication in operations()
        if method != "HEAD"  # of a view that was called before in this process
    ]
    with here.away():
        for method, path, authentication in calls:
            key = dict([authentication.header(here.keys[authentication.kind])])
            body = None if method in ("GET", "DELETE") else {}
            answer = here.send(method, path, body, **key)
            assert answer.is_told, (method, path, answer)
            assert "json" in answer.headers["content-type"]
            assert json.loads(answer.body)
    assert here.put("back.example.com").status == 200


def test_every_page_says_so_in_words_and_what_needs_no_database_is_served(here):
    assert here.send("GET", PAGES[0]).status == 200
    with here.away():
        for path in PAGES:
            answer = here.send("GET", path)
            assert answer.is_told, (path, answer)
            assert answer.headers["cache-control"] == "no-store"
            assert b"Not available at the moment" in answer.body
        assert here.send("GET", "/readyz").status == 503
        for path in ("/", "/docs/", "/healthz"):
            assert here.send("GET", path).status == 200
    assert here.send("GET", PAGES[0]).status == 200


def test_a_writer_waits_for_a_lock_as_long_as_the_setting_says(here):
    assert here.put("first.example.com").status == 200
    with here.locked():
        began = time.monotonic()
        answer = here.put("second.example.com")
        assert answer.is_told, answer
        assert json.loads(answer.body)["message"] == "Service Unavailable"
        assert time.monotonic() - began >= 0.9
    done = here.put("first.example.com")
    assert done.status == 200
    with connected(here.served.database_url) as database:
        rows = database.execute(
            "SELECT count(*) FROM webhooks_auditentry "
            "WHERE action = 'subscription.updated' AND CAST(after AS text) LIKE '%second%'"
        )
        assert rows.fetchone()[0] == 0


@on_postgresql
def test_a_connection_that_is_terminated_in_mid_request(here):
    with here.locked() as other:
        answers: list[Answer] = []
        is_done = threading.Event()

        def ask() -> None:
            while not is_done.is_set():  # each waits for a second at most
                answers.append(here.put("terminated.example.com"))

        asking = threading.Thread(target=ask)
        asking.start()
        ended = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        eventually(lambda: other.execute(ended).fetchall())
        is_done.set()
        asking.join()
    assert all(answer.is_told for answer in answers), answers
    assert here.put("again.example.com").status == 200


@on_postgresql
def test_a_server_that_takes_no_writes(here):
    """As a standby that was not promoted yet, by the same SQLSTATE."""
    with connected(here.served.database_url) as other:
        name = other.info.dbname
        alter = f'ALTER DATABASE "{name}" SET default_transaction_read_only ='
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert here.send("GET", PAGES[0]).status == 200
        unused = here.new_session()
        other.execute(f"{alter} on")
        other.execute(others)
        try:
            assert here.put("standby.example.com").is_told
            assert here.send("GET", PAGES[0]).status == 200
            new = here.send("GET", PAGES[0], Cookie=unused)
            assert new.is_told, new  # its session is written
        finally:
            other.execute("SET default_transaction_read_only = off")
            other.execute(f"{alter} off")
            other.execute(others)
    assert here.put("promoted.example.com").status == 200


@on_postgresql
def test_a_statement_takes_no_longer_than_the_setting_says(tmp_path):
    limits = {"WEB_LOCK_TIMEOUT": "60", "WEB_STATEMENT_TIMEOUT": "1"}
    with scene(tmp_path, **limits) as found, found.locked():
        assert found.put("slow.example.com").is_told


@on_postgresql
@pytest.mark.django_db
def test_only_the_web_is_hurried():
    with connection.cursor() as cursor:
        for name in ("statement_timeout", "lock_timeout"):
            cursor.execute(f"SHOW {name}")
            assert cursor.fetchone() == ("0",)


# --- What fails before a view is asked ------------------------------------------------


def failed(rf: Any, path: str, error: Exception) -> Any:
    try:
        raise error
    except ValueError:
        return refusals.failed(rf.get(path))


def test_an_error_of_a_middleware_has_the_shape_of_the_interface(rf):
    answer = failed(rf, "/api/portal/v1/me", ValueError("a detail"))
    assert answer.status_code == 500
    answer.render()
    assert json.loads(answer.content)["title"] == "Internal Server Error"
    assert b"a detail" not in answer.content


def test_an_error_of_a_page_is_still_an_error(rf):
    answer = failed(rf, "/staff/", ValueError("a detail"))
    assert answer.status_code == 500
    assert b"Something went wrong here" in answer.content


def test_a_session_that_cannot_be_saved_is_an_outage_and_one_that_is_gone_is_none(rf):
    def saved(error: Exception) -> Any:
        try:
            try:
                raise error
            except Error:
                raise UpdateError  # noqa: B904 - as Django does
        except UpdateError:
            try:
                raise SessionInterrupted("It was deleted.")
            except SessionInterrupted as interrupted:
                return refusals.bad_request(rf.get("/staff/"), interrupted)

    assert saved(OperationalError("database is locked")).status_code == 503
    assert saved(Error("Save with update_fields did nothing.")).status_code == 400
