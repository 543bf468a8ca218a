"""The rotations of docs/running.md, step by step, by the processes that an operator runs."""

import http.client
import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.environment import SETTINGS
from tests.management import portal
from tests.waiting import PATIENCE

NEW_KEY = "k2:MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE="
NEW_PEPPER = "8:another-pepper"


@pytest.fixture
def database(tmp_path):
    with portal.fresh_database(tmp_path) as url:
        assert portal.manage("migrate", "-v0", database_url=url).returncode == 0
        yield url


@contextmanager
def serving(database, tmp_path, **settings):
    log = tmp_path / "log"
    with portal.serving(database_url=database, log=log, **settings) as (port, _):
        yield port


def status(port: int, key: str, method: str = "GET", body: str | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        method,
        "/v1/webhooks",
        body,
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    found: int = connection.getresponse().status
    connection.close()
    return found


def issue(database: str, **settings: str) -> str:
    done = portal.manage(
        "issue_key", "Acme", "--create", "--json", database_url=database, **settings
    )
    text: str = json.loads(done.stdout)["key"]
    return text


def test_the_pepper(database, tmp_path):
    old = issue(database)
    both = {"KEY_PEPPERS": f"{NEW_PEPPER}, {SETTINGS['KEY_PEPPERS']}"}
    alone = {"KEY_PEPPERS": NEW_PEPPER}
    with serving(database, tmp_path, **both) as port:
        new = issue(database, **both)
        assert status(port, old) == status(port, new) == 200

    done = portal.manage("deliver", database_url=database, **alone)
    assert done.returncode == 1
    assert "CommandError: KEY_PEPPERS lacks the pepper 7" in done.stderr

    with serving(database, tmp_path, ALLOW_MISSING_KEYS="true", **alone) as port:
        assert (status(port, old), status(port, new)) == (401, 200)


def test_the_encryption_key(database, tmp_path):
    key = issue(database)
    both = {"ENCRYPTION_KEYS": f"{NEW_KEY} , {SETTINGS['ENCRYPTION_KEYS']}"}
    alone = {"ENCRYPTION_KEYS": NEW_KEY}
    url = "https://receiver.example.com/"
    hook = json.dumps({"name": "hook", "url": url, "events": ["customer.created"]})
    with serving(database, tmp_path) as port:
        assert status(port, key, "POST", hook) in (200, 201)

    done = portal.manage("deliver", database_url=database, **alone)
    assert done.returncode == 1
    assert "ENCRYPTION_KEYS lacks the key 'tests'" in done.stderr

    moved = portal.manage("rotate_encryption", database_url=database, **both)
    assert moved.stdout == "1 secrets re-encrypted.\n"
    again = portal.manage("rotate_encryption", database_url=database, **both)
    assert again.stdout == "0 secrets re-encrypted.\n"
    done = portal.manage("deliver", "--until-idle", database_url=database, **alone)
    assert done.returncode == 0, done.stderr


def test_no_celery_worker_starts_without_the_pepper(database, tmp_path):
    issue(database)
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "portal", "worker"],
        cwd=portal.ROOT,
        env=portal.environment(
            database,
            KEY_PEPPERS=NEW_PEPPER,
            CELERY_BROKER_URL="redis://127.0.0.1:1/0",
        ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert "Webhook Portal 0.1.0, development, " in done.stdout
    assert "KEY_PEPPERS lacks the pepper 7" in done.stderr
    assert "Traceback" not in done.stderr
