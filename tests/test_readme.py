"""What README and the other pages promise."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings

from portal.settings import env
from tests.management import portal
from tests.waiting import PATIENCE
from webhooks import dialects

ROOT = Path(settings.BASE_DIR)
README = (ROOT / "README.md").read_text()
SUFFIXES = "css|html|js|json|lock|md|py|sh|sql|toml|yaml|yml"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])


def test_its_table_lists_every_setting_and_no_other():
    table = README.partition("## Settings")[2].partition("\n## ")[0]

    assert set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)) == {*env.names}


def test_its_table_lists_every_dialect_with_its_page():
    for dialect in dialects.DIALECTS:
        assert f"[{dialect.title}](docs/dialects/{dialect.slug}.md)" in README


def test_its_map_names_every_room():
    rooms = {path.parent.name for path in (ROOT / "webhooks").glob("*/__init__.py")}

    house = README.partition("## The house")[2]
    assert set(re.findall(r"^      (\w+)/", house, re.MULTILINE)) == rooms - {
        "migrations"
    }


def test_every_file_that_decides_something_exists():
    table = (ROOT / "docs" / "architecture.md").read_text().partition("decided …")[2]
    files = re.findall(r"`(\w+/\w[\w./]*)`", table)

    assert len(files) > 10
    assert not [file for file in files if not (ROOT / "webhooks" / file).exists()]


@pytest.mark.parametrize("slug", dialects.SLUGS)
def test_every_place_where_a_dialect_is_added_exists(slug):
    page = (ROOT / "docs" / "adding-a-dialect.md").read_text()
    places = re.findall(
        r"`((?:docs|tests|webhooks)/[\w./]+|\w+\.md)`", page.replace("NAME", slug)
    )

    assert f"webhooks/dialects/{slug}/" in places
    assert not [place for place in places if not (ROOT / place).exists()]


def test_everything_that_rest_has_for_a_dialect_exists():
    page = (ROOT / "docs" / "adding-a-dialect.md").read_text()
    table = page.partition("## 4. ")[2].partition("\n## ")[0]
    named = re.findall(r"`([a-z]+)((?:\.\w+)+)`", table)

    assert len(named) > 15
    for module, path in named:
        room = "delivery" if module == "signing" else "rest"
        found = import_module(f"webhooks.{room}.{module}")
        for name in path.strip(".").split("."):
            found = getattr(found, name)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_leads_nowhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_it_names_exists(page):
    """By its path from the root, or by the end of it."""
    folders = [path for path in ROOT.glob("[a-z]*") if path.is_dir()]
    files = [*ROOT.glob("*.*"), *(f for each in folders for f in each.rglob("*.*"))]
    known = "".join(f"/{path.relative_to(ROOT)}\n" for path in files)
    code = " ".join(re.findall(r"`([^`\n]+)`", page.read_text()))
    named = re.findall(rf"(?<!\S)[\w./-]+\.(?:{SUFFIXES})(?![\w/])", code)

    assert not [
        path for path in named if "NAME" not in path and f"/{path}\n" not in known
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_it_names_exists(page):
    commands = {path.stem for path in ROOT.glob("webhooks/management/commands/*.py")}
    commands |= {"migrate", "check", "collectstatic", "createsuperuser", "runserver"}
    commands |= {"clearsessions", "makemigrations"}
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    text = page.read_text()
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= commands
    assert set(re.findall(r"`make ([a-z]+)", text)) <= targets


def test_the_lines_it_gives_work(tmp_path):
    (script,) = re.findall(r"<!-- run -->\n```bash\n(.*?)```", README, re.DOTALL)
    with portal.fresh_database(tmp_path) as url:
        assert portal.manage("migrate", "-v", "0", database_url=url).returncode == 0
        with portal.serving(database_url=url, log=tmp_path / "log") as (port, _):
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script.replace(":8000", f":{port}")],
                cwd=ROOT,
                env=portal.environment(url, PATH=path),
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"status":"ok","data":{')
    assert '"url":"https://receiver.example.com/hook"' in done.stdout
