"""`manage.py serve` over a real socket: what a test client would never show."""

import json
import os
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.ports import free_port
from tests.waiting import PATIENCE, eventually

from . import portal

# The server and its sockets: what is behind them is any database.
pytestmark = pytest.mark.once

HOOKS = "/api/v1/partner/webHooks"


@pytest.fixture(scope="module")
def port(database_url, tmp_path_factory) -> Iterator[int]:
    log = tmp_path_factory.mktemp("serve") / "log"
    with portal.serving(database_url=database_url, log=log) as (port, running):
        assert "Serving http" in running.output
        yield port
        children = portal.children(running.process.pid)
        assert running.stop() == 0
        assert not portal.alive(children)


@pytest.fixture(scope="module")
def key(database_url) -> str:
    done = portal.manage(
        "issue_key", "Socket", "--create", "--json", database_url=database_url
    )
    text: str = json.loads(done.stdout)["key"]
    return text


def exchange(port: int, request: str) -> tuple[int, bytes]:
    """Status and body of one request, written byte for byte."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def chunked(port: int, key: str, body: str, *, times: int = 1) -> tuple[int, bytes]:
    chunk = f"{len(body):x}\n{body}\n" * times
    return exchange(
        port,
        f"POST {HOOKS} HTTP/1.1\nHost: localhost\nx-api-key: {key}\n"
        "Content-Type: application/json\nTransfer-Encoding: chunked\n"
        f"Connection: close\n\n{chunk}0\n\n",
    )


def test_it_hands_on_header_names_with_underscores(port, key):
    request = "GET {} HTTP/1.1\nHost: localhost\npartner_key: {}\nConnection: close\n\n"

    assert exchange(port, request.format(HOOKS, key))[0] == 200
    assert exchange(port, request.format(HOOKS, "wrong"))[0] == 401
    # No other interface reads a name with one, so no other name is let in.
    capa = request.replace("partner_key", "partner_api_key")
    path = "/api/partner/v1/webhook-settings"
    assert exchange(port, capa.replace("GET", "PUT").format(path, key))[0] == 401


def test_it_reads_a_chunked_body(port, key):
    status, body = chunked(port, key, '{"webHookUrls": ["https://example.com/hook"]}')

    assert status == 200
    assert b"https://example.com/hook" in body


def test_it_refuses_a_chunked_body_that_is_too_long(port, key):
    assert chunked(port, key, " " * 65536, times=17)[0] == 413


def test_it_serves_static_files_with_nothing_run_before(port):
    assert portal.answers(port, "/static/webhooks/front.css")
    assert portal.answers(
        port, "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css"
    )


def test_a_second_server_is_refused_where_one_runs(port, database_url):
    done = portal.manage(
        "serve", "--bind", f"127.0.0.1:{port}", database_url=database_url
    )

    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"CommandError: Cannot listen at 127.0.0.1:{port}: Address already in use."
    )


@pytest.fixture
def heard_ctrl_c() -> Iterator[None]:
    """Where the tests run in the background, their children would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_ctrl_c")
def test_a_server_that_still_loads_stops_at_once(database_url, tmp_path):
    (tmp_path / "slow_to_load.py").write_text(
        "import pathlib, time\n"
        "pathlib.Path(__file__).with_name('loads').touch()\n"
        "time.sleep(600)\n"
    )
    (tmp_path / "slow_settings.py").write_text(
        "from portal.settings import *\nWSGI_APPLICATION = 'slow_to_load.application'\n"
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        log = tmp_path / "log"
        with portal.Running(
            "serve",
            "--bind",
            f"127.0.0.1:{free_port()}",
            database_url=database_url,
            log=log,
            DJANGO_SETTINGS_MODULE="slow_settings",
            PYTHONPATH=str(tmp_path),
        ) as running:
            eventually((tmp_path / "loads").exists)
            running.stop(number)
        (tmp_path / "loads").unlink()
    assert log.read_text().endswith("\nInterrupted.\n")
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    ("bind", "told"),
    [
        ("localhost:{port}", "Serving http://localhost:"),
        ("192.0.2.1:{port}", "Cannot assign requested address"),
        ("no.such.host.invalid:{port}", "Cannot listen at no.such.host.invalid:"),
    ],
)
def test_it_listens_where_it_is_told_or_says_in_one_line_why_not(
    bind, told, database_url, tmp_path
):
    port = free_port()
    with portal.Running(
        "serve",
        "--bind",
        bind.format(port=port),
        database_url=database_url,
        log=tmp_path / "log",
    ) as running:
        if told.startswith("Serving"):
            running.wait_for(told)
            eventually(lambda: portal.answers(port))
            assert running.stop(signal.SIGINT) == 0
        else:
            assert running.process.wait(PATIENCE) == 1
            assert told in running.output
            assert running.output.count("\n") == 1
        assert "Traceback" not in running.output


def test_no_worker_outlives_a_killed_server(database_url, tmp_path):
    log = tmp_path / "log"
    with portal.serving("--workers=2", database_url=database_url, log=log) as (
        port,
        running,
    ):
        workers = portal.children(running.process.pid)
        assert len(workers) >= 2

        running.stop(signal.SIGKILL)

        eventually(lambda: not portal.alive(workers))
        assert not portal.answers(port)


PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "0123456789" * 5,
    "ENCRYPTION_KEYS": "k:" + "A" * 43 + "=",
    "KEY_PEPPERS": "1:pepper",
    "ALLOWED_HOSTS": "portal.example.com",
}


def test_in_production_it_asks_for_collected_static_files(database_url, tmp_path):
    # They may be collected where the project's own settings look.
    elsewhere = f"from portal.settings import *\nSTATIC_ROOT = {f'{tmp_path}/no'!r}\n"
    (tmp_path / "uncollected.py").write_text(elsewhere)
    done = portal.manage(
        "serve",
        "--bind",
        f"127.0.0.1:{free_port()}",
        database_url=database_url,
        DJANGO_SETTINGS_MODULE="uncollected",
        PYTHONPATH=str(tmp_path),
        **PRODUCTION,
    )

    assert done.returncode == 1
    assert "collectstatic" in done.stderr
    assert os.linesep not in done.stderr.strip()
