"""`manage.py up` as a person meets it: one process started, everything else follows."""

import http.client
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.test_migrations import BEFORE_RELEASE
from tests.waiting import PATIENCE, eventually
from webhooks import dialects
from webhooks.management.commands import up as up_command
from webhooks.management.receiver import UNSIGNED, VERIFIED
from webhooks.management.sample import EVENT_TYPE

from . import portal

PASSWORD = re.compile(r"with the password (\S+)")


@pytest.fixture
def database(tmp_path):
    with portal.fresh_database(tmp_path) as url:
        yield url


@pytest.fixture
def up(database, tmp_path):
    """Starts it on a port; the first start migrates a fresh database."""
    numbers = iter(range(9))

    def start(port: int, *options: str) -> portal.Running:
        return portal.Running(
            "up",
            "--bind",
            f"127.0.0.1:{port}",
            *options,
            database_url=database,
            log=tmp_path / f"log{next(numbers)}",
        )

    return start


def printed_requests(output: str) -> list[list[str]]:
    return [shlex.split(line) for line in output.splitlines() if line[:5] == "curl "]


def run(words: list[str]) -> tuple[int, str]:
    """Status and body of a printed line, run by curl itself."""
    done = subprocess.run(
        [*words, "-w", "\n%{http_code}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def logs_in(port: int, password: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/admin/login/")
    page = connection.getresponse()
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.read())
    assert token is not None
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    form = f"csrfmiddlewaretoken={token[1].decode()}&username=admin&password={password}"
    connection.request(
        "POST",
        "/admin/login/",
        form,
        {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"},
    )
    status = connection.getresponse().status
    connection.close()
    return status == 302


def test_a_person_changes_webhooks_publishes_and_sees_it_arrive_signed(up, tmp_path):
    port = free_port()
    with up(port) as running:
        running.wait_for("Ctrl-C stops")
        processes = portal.children(running.process.pid)

        requests = printed_requests(running.output)
        assert len(requests) == len(dialects.DIALECTS) + 1
        for words in requests:
            status, body = run(words)
            assert status in (200, 201, 202), (words, body)

        # In each subscriber's own words, within seconds.
        for dialect in dialects.DIALECTS:
            if dialect.profile.name_of(EVENT_TYPE):
                told = running.wait_for(rf"received .* {dialect.slug} \(.*")[0]
                signs = dialect.profile.new_secret
                assert told.endswith(VERIFIED if signs else UNSIGNED)
        running.wait_for(r"partnero \(.*: customer\.created, ")
        assert "does NOT verify" not in running.output

        password = running.wait_for(PASSWORD.pattern)[1]
        assert logs_in(port, password)
        assert not logs_in(port, "wrong")

        assert running.stop(signal.SIGINT) == 0
    assert running.output.endswith("start again to go on.\n")
    assert portal.alive(processes) == set()

    with up(port) as again:
        again.wait_for("Ctrl-C stops")
        assert PASSWORD.search(again.output) is None
        assert password not in again.output
        assert printed_requests(again.output) == requests
        assert run(requests[-1])[0] == 202
        again.wait_for(r"received .* partnero \(.*signature verified")


def in_database(database: str, code: str) -> None:
    """Run Python with a `connection` to the database."""
    code = f"from django.db import connection\n{code}"
    done = portal.manage("shell", "-v0", "-c", code, database_url=database)
    assert done.returncode == 0, done.stderr


def test_it_goes_on_with_a_database_from_before_the_first_release(up, database):
    portal.manage("migrate", "-v0", database_url=database)
    portal.manage("issue_key", "Acme", "--create", database_url=database)
    in_database(
        database,
        "from django.db.migrations.recorder import MigrationRecorder\n"
        f"for name in {BEFORE_RELEASE}:\n"
        "    MigrationRecorder(connection).record_applied('webhooks', name)",
    )

    with up(free_port()) as running:
        running.wait_for("Ctrl-C stops")
        assert run(printed_requests(running.output)[-1])[0] == 202
        running.wait_for("received .* signature verified")

    done = portal.manage("issue_key", "Acme", database_url=database)
    assert done.returncode == 0, done.stderr


def test_it_refuses_an_older_one_before_anything_starts(up, database):
    portal.manage("migrate", "-v0", database_url=database)
    in_database(
        database,
        "sql = 'ALTER TABLE webhooks_apikey RENAME COLUMN replaced_by_id TO not_yet'\n"
        "connection.cursor().execute(sql)",
    )

    with up(free_port()) as running:
        assert running.process.wait(PATIENCE) == 1

    assert "The tables are older than release 0.1.0" in running.output
    assert "docs/running.md" in running.output
    assert "Traceback" not in running.output
    assert "Serving" not in running.output


@pytest.mark.once
@pytest.mark.alone
def test_a_second_start_takes_as_long_as_three_commands_that_do_nothing(up, database):
    port = free_port()
    with up(port) as first:
        first.wait_for("Ctrl-C stops")

    def three_commands():
        for _ in range(3):
            portal.manage("check", database_url=database)

    def second_start():
        with up(port) as second:
            second.wait_for("Ctrl-C stops")
            return time.monotonic()

    measured = []
    for _ in range(4):  # in the best of moments: the machine may have others to serve
        began = time.monotonic()
        three_commands()
        between = time.monotonic()
        measured.append((second_start() - between, between - began))
        if measured[-1][0] < measured[-1][1]:
            return
    raise AssertionError(measured)


@pytest.mark.once
def test_nothing_outlives_it_when_it_is_killed(up):
    with up(free_port()) as running:
        running.wait_for("Ctrl-C stops")
        processes = portal.children(running.process.pid)
        assert (
            len(processes) >= 4
        )  # the server, its worker, the deliverer, the receiver

        running.stop(signal.SIGKILL)

        eventually(lambda: not portal.alive(processes))


@pytest.mark.once
def test_when_one_process_ends_everything_does_and_says_so(up, tmp_path):
    port = free_port()
    with up(port, "--no-sample") as running:
        running.wait_for("Ctrl-C stops")
        assert portal.answers(port)
        assert printed_requests(running.output) == []
        assert "Receiver" not in running.output
        assert not list(tmp_path.glob("*.sample-keys.json"))
        processes = portal.children(running.process.pid)
        worker = portal.one_running(processes, command="deliver --verbosity=0")

        os.kill(worker, signal.SIGKILL)

        assert running.process.wait(PATIENCE) == 1
    assert "The delivery worker ended (signal 9)." in running.output
    assert portal.alive(processes) == set()


@pytest.mark.once
def test_it_says_in_one_line_that_a_port_is_taken_before_anything_starts(up, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with up(port) as running:
            assert running.process.wait(PATIENCE) == 1

    assert running.output == (
        f"CommandError: Cannot listen at 127.0.0.1:{port}: Address already in use. "
        "Choose another: make run PORT=8080\n"
    )
    assert not Path(tmp_path / "portal.sqlite3").exists()


@pytest.mark.once
def test_in_production_it_makes_no_sample(database):
    done = portal.manage(
        "up",
        database_url=database,
        DEBUG="false",
        SECRET_KEY="0123456789" * 5,
        ENCRYPTION_KEYS="k:" + "A" * 43 + "=",
        KEY_PEPPERS="1:pepper",
        ALLOWED_HOSTS="portal.example.com",
    )

    assert done.returncode == 1
    assert "This is production" in done.stderr


@pytest.mark.django_db
def test_the_first_login_is_made_once():
    assert up_command._make_first_login() is not None
    assert up_command._make_first_login() is None
