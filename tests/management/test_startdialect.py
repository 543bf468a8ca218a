"""A dialect that was just begun passes every gate, and every test that reads the registry.

It is begun in a copy of the repository, where the tests run, too.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from webhooks import dialects
from webhooks.management.commands import startdialect

pytestmark = pytest.mark.once

NAME = "quagga"


def run(*command: str, folder: Path) -> str:
    """What it prints; fails where it fails."""
    ours = ("COVERAGE_", "DATABASE_URL", "DEBUG", "DJANGO_", "PYTEST_", "TEST_DATABASE")
    done = subprocess.run(
        command,
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith(ours)}
        # The code is the generated one, whatever its examples.
        | {"TEST_HALF_EXAMPLES": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(*command: str, folder: Path) -> str:
    return run(sys.executable, *command, folder=folder)


def copied(to: Path) -> Path:
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    for name in run(*listed, folder=settings.BASE_DIR).splitlines():
        if (source := settings.BASE_DIR / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, to / name)
    run("git", "init", "--quiet", folder=to)
    run("git", "add", "--all", folder=to)
    return to


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return copied(tmp_path_factory.mktemp("untouched"))


@pytest.fixture
def copy(untouched, settings):
    settings.BASE_DIR = untouched
    return untouched


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    folder = copied(tmp_path_factory.mktemp("begun"))
    known = settings.BASE_DIR / ".mypy_cache"
    if known.exists():  # of the gates: the copy has the same files
        shutil.copytree(known, folder / known.name)
    python("manage.py", "startdialect", NAME, folder=folder)
    return folder


def test_it_writes_a_folder_tests_and_a_page_and_a_line_elsewhere(begun):
    written = run("git", "ls-files", "-omz", "--exclude-standard", folder=begun)
    assert sorted(written.strip("\0").split("\0")) == [
        "README.md",
        f"docs/dialects/{NAME}.md",
        "docs/openapi/combined.yaml",
        f"docs/openapi/{NAME}.yaml",
        f"tests/dialects/forms/{NAME}.py",
        f"tests/dialects/test_{NAME}.py",
        f"tests/dialects/test_{NAME}_wire.py",
        "webhooks/dialects/__init__.py",
        *(
            f"webhooks/dialects/{NAME}/{file}.py"
            for file in (
                "__init__", "forms", "protocol", "serializers", "urls", "views", "wire"
            )
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "gate",
    [
        "-m ruff check .",
        "-m ruff format --check .",
        f"-m mypy webhooks/dialects/{NAME} tests/dialects/test_{NAME}.py",
        "manage.py makemigrations --check --dry-run",
        "manage.py openapi --check",
    ],
)
def test_it_passes_every_gate(begun, gate):
    python(*gate.split(), folder=begun)


def test_it_keeps_the_import_contracts(begun):
    lint = Path(sys.executable).with_name("lint-imports")
    run(str(lint), "--no-cache", folder=begun)


def readers(folder: Path) -> list[str]:
    """The files whose tests may be of the new dialect: they name it, or the registry. To
    collect all others takes longer than to run these. Without a browser and without
    generated clients, which take minutes."""
    names = re.compile(rf"\b(SLUGS|DIALECTS|interfaces|profiles|{NAME})\b")
    left_out = re.compile(r"tests/browser/|tests/openapi/\w*client|startdialect")
    files = (path.relative_to(folder) for path in folder.glob("tests/**/test_*.py"))
    return [
        str(file)
        for file in sorted(files)
        if NAME in file.name or names.search((folder / file).read_text())
        if not left_out.search(str(file))
    ]


@pytest.mark.timeout(600)
def test_it_passes_every_test_that_reads_the_registry(begun):
    pages = ("test_readme", "test_delivery_page", "test_verifying")
    of_pages = f"({' or '.join(pages)}) and not lines_it_gives"
    files = {*readers(begun), *(f"tests/{page}.py" for page in pages)}
    words = f"({NAME} and not portal) or ({of_pages})"
    python("-m", "pytest", "-q", *sorted(files), "-k", words, folder=begun)


def assert_refused(copy: Path, *arguments: str, because: str) -> None:
    before = run("git", "status", "--short", folder=copy)
    with pytest.raises(CommandError, match=because):
        call_command("startdialect", *arguments)
    assert run("git", "status", "--short", folder=copy) == before


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("", "cannot be the name"),
        ("a-b", "cannot be the name"),
        ("blaze_", "cannot be the name"),
        ("a__b", "cannot be the name"),
        ("9a", "cannot be the name"),
        ("Acme", "cannot be the name"),
        ("class", "cannot be the name"),
        ("../acme", "cannot be the name"),
        ("a" * 21, "no longer than 20"),
        ("portal", "taken"),
        ("standard", "taken"),
        ("combined", "taken"),
        (dialects.SLUGS[0], "taken"),
        ("forms", "tests/dialects/test_forms.py exists already"),
    ],
)
def test_it_refuses_a_name_and_writes_nothing(copy, name, because):
    assert_refused(copy, name, because=because)


def test_it_refuses_what_would_break_a_file(copy):
    for title in ('"', "a | b", "a\nb", "x" * 41, " ", ".", "-", "'''", "a ", "a\n"):
        assert_refused(copy, NAME, "--title", title, because="cannot be the title")
    for title in ("Capa", "blaze", "Portal API"):
        assert_refused(copy, NAME, "--title", title, because="is taken")
    for prefix in ("a b", "a//b", '"', "x" * 41, "..", "a/../b", "a/.", "./a", "/"):
        assert_refused(copy, NAME, "--prefix", prefix, because="it is a path like")


@pytest.mark.parametrize(
    "prefix",
    ["staff", "Staff/x", "admin", "docs", "docs/x", "redoc", "schema", "healthz", "readyz",
     "metrics", "static", "api", "api/portal", "api/portal/v1", "api/portal/v1/x"],
)  # fmt: skip
def test_it_refuses_a_prefix_that_holds_an_address_of_the_portal(copy, prefix):
    assert_refused(copy, NAME, "--prefix", prefix, because="the portal itself serves")


@pytest.mark.parametrize(
    "prefix", ["docs2", "api/portal2", "api/portal/v2", "...", "a/..b"]
)
def test_a_prefix_beside_an_address_of_the_portal_is_free(prefix):
    startdialect.check(name=NAME, title="Quagga", prefix=prefix)


def test_a_prefix_of_another_dialect_leaves_everything_as_it_was(copy):
    assert_refused(copy, NAME, "--prefix", "v1", because="have the same PREFIX, v1")


@pytest.mark.parametrize(
    "path",
    [f"webhooks/dialects/{NAME}/vendor_swagger.json", f"docs/openapi/{NAME}.yaml",
     f"docs/dialects/{NAME}.md", f"tests/dialects/forms/{NAME}.py"],
)  # fmt: skip
def test_what_somebody_has_of_that_name_stays(tmp_path, settings, path):
    settings.BASE_DIR = copied(tmp_path)
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text("mine")
    assert_refused(tmp_path, NAME, "--prefix", "v1", because="exists already")
    assert (tmp_path / path).read_text() == "mine"


def test_a_refused_run_leaves_the_documents_as_they_were(tmp_path, settings):
    settings.BASE_DIR = copied(tmp_path)
    (tmp_path / "docs/openapi/capa.yaml").write_text("edited")
    (tmp_path / "docs/openapi/combined.yaml").unlink()
    assert_refused(tmp_path, NAME, "--prefix", "v1", because="have the same PREFIX")
    assert (tmp_path / "docs/openapi/capa.yaml").read_text() == "edited"


def test_it_says_what_is_missing(tmp_path, settings):
    settings.BASE_DIR = copied(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text("none")
    assert_refused(tmp_path, NAME, because="README.md has no line of another dialect")
    readme.unlink()
    assert_refused(tmp_path, NAME, because="README.md is missing")


def test_it_needs_the_repository(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match="checkout"):
        call_command("startdialect", NAME)
    assert list(tmp_path.iterdir()) == []
