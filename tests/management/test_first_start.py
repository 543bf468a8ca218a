"""The first start of a copy of the source, and of an older database in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portal import dotenv, first_start
from tests.environment import SETTINGS
from tests.management import portal
from tests.ports import free_port
from tests.waiting import PATIENCE

pytestmark = pytest.mark.once

FOLDERS = ["manage.py", "portal", "webhooks", "templates"]


@pytest.fixture
def copy(tmp_path: Path, monkeypatch) -> Path:
    """A copy in a folder whose name has characters that mean something in a URL."""
    folder = tmp_path / "x #1 what?x p%20q"
    folder.mkdir()
    monkeypatch.setattr(portal, "environment", lambda *_, **__: environment())
    for name in FOLDERS:
        source = portal.ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(source, folder / name)
    (folder / "var").mkdir()
    monkeypatch.setattr(portal, "ROOT", folder)
    return folder


def environment(**more: str) -> dict[str, str]:
    ours = {*SETTINGS, "DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    kept = {k: v for k, v in os.environ.items() if k not in ours}
    # The processes run another copy of the source.
    kept = {k: v for k, v in kept.items() if not k.startswith("COVERAGE")}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


def up(log: Path) -> str:
    """What it prints until it is up, and then until it has ended."""
    port = free_port()
    arguments = ["up", "--bind", f"127.0.0.1:{port}", "--no-sample"]
    with portal.Running(*arguments, database_url="", log=log) as running:
        running.wait_for("Ctrl-C stops")
        assert running.stop() == 0
    return running.output


def test_everything_stays_in_its_folder_and_is_private(copy, tmp_path):
    output = up(tmp_path / "log")

    database = copy / "var" / "portal.sqlite3"
    assert f"development, SQLite {database}." in output
    assert database.stat().st_mode & 0o777 == 0o600
    assert (copy / "var").stat().st_mode & 0o777 == 0o700
    assert (copy / ".env").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {copy.name, "log"}
    lines = dotenv.read(copy / ".env", is_required=True).lines
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "KEY_PEPPERS"):
        assert lines[name].value not in output


def test_a_database_from_before_goes_on_with_its_keys(copy, tmp_path):
    before = environment(
        DEBUG="true",
        ENV_FILE="",
        SECRET_KEY=SETTINGS["SECRET_KEY"],
        **first_start.PUBLISHED_ENTRIES,
    )

    def manage(*arguments: str, env: dict[str, str]) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=copy,
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    manage("migrate", "-v0", env=before)
    manage("issue_key", "Acme", "--create", "--json", env=before)

    up(tmp_path / "log")

    checked = manage("check", "--database", "default", env=environment())
    assert "no issues" in checked
