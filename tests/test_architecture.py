"""The house keeps its form: facts about the repository that no type can hold."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

from webhooks import dialects

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()
    ]


def test_every_dependency_says_why_it_is_there():
    text = (ROOT / "pyproject.toml").read_text()
    groups = [PROJECT["project"]["dependencies"]]
    groups += PROJECT["project"]["optional-dependencies"].values()
    for dependency in (d for group in groups for d in group):
        assert re.search(
            rf'^  "{re.escape(dependency)}",\s+# \w', text, re.MULTILINE
        ), dependency


def test_everything_names_the_latest_release_of_the_changelog():
    # The OpenAPI documents are compared with the settings by `manage.py openapi --check`.
    changelog = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(
        r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE
    )
    assert PROJECT["project"]["version"] == releases[0]
    assert settings.SPECTACULAR_SETTINGS["VERSION"] == releases[0]


def test_the_lock_file_names_hashes_and_no_place():
    lock = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    assert not re.search(r"https?://|file:|--index|--extra-index|--find-links", lock)


@pytest.mark.parametrize("dialect", dialects.DIALECTS, ids=lambda d: d.slug)
def test_a_dialect_has_its_page_its_document_and_its_tests(dialect):
    for path in (
        f"docs/dialects/{dialect.slug}.md",
        f"docs/openapi/{dialect.slug}.yaml",
        f"tests/dialects/test_{dialect.slug}.py",
    ):
        assert (ROOT / path).is_file(), path


def test_there_is_no_room_for_what_has_no_place():
    grab_bags = {"utils", "helpers", "common", "core", "services", "managers", "misc"}
    named = {p.stem for p in tracked("*.py")} | {p.parent.name for p in tracked("*.py")}
    assert not named & grab_bags


def test_files_stay_small_enough_to_have_one_reason_to_change():
    for path in tracked("webhooks/*.py", "portal/*.py"):
        if "migrations" not in path.parts:
            assert len(path.read_text().splitlines()) <= 300, path


def test_one_module_opens_connections():
    # A socket that is opened elsewhere reaches what the guard of deliveries refuses.
    opens = re.compile(
        r"\b(?:create_connection|open_connection|sock_connect|start_tls|urlopen"
        r"|HTTPS?Connection|create_datagram_endpoint|open_unix_connection)\b"
    )
    found = {
        str(path.relative_to(ROOT))
        for path in tracked("webhooks/*.py", "portal/*.py")
        if opens.search(path.read_text())
    }
    assert found == {
        "webhooks/delivery/http/dialling.py",
        "webhooks/management/commands/up.py",  # asks its own web process
    }


def test_only_the_operations_save_what_they_own():
    # A view, serializer or admin that saves a row writes no audit entry.
    models = "ApiKey|Endpoint|Event|Partner|SigningSecret|Subscription|EventType"
    forbidden = re.compile(
        rf"\b(?:{models})(?:\.objects)?\.?[\w().]*\.(?:create|bulk_create|update|save)\("
    )
    for room in ("dialects", "api", "admin", "rest"):
        for path in tracked(f"webhooks/{room}/*.py"):
            assert not forbidden.search(path.read_text()), path
