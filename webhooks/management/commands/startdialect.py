"""Begins a dialect: writes a plain REST API that works, to be changed into the vendor's.

The files are the templates in `dialect_template`, which stand there as they will stand in the
repository. Beside them the registry and the README get a line, and the OpenAPI documents
are written. Everything is written, or nothing.
"""

import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webhooks.delivery import wire
from webhooks.front import documents
from webhooks.models import Subscription
from webhooks.rest import interfaces

TEMPLATES = Path(__file__).parent.parent / "dialect_template"
PLACEHOLDER = "dialect_name"  # in the names of folders and files

# A file, its lines that name a dialect each, in their order, and the line of a new one.
LINES = (
    (
        "webhooks/dialects/__init__.py",
        r'    _dialect\("\w+", ".+"\),',
        '    _dialect("$name", "$title"),',
    ),
    (
        "README.md",
        r"\| \[.+\]\(docs/dialects/\w+\.md\) \| .+ \|",
        "| [$title](docs/dialects/$name.md) | `/$prefix/webhooks` | `Authorization: Bearer` |",
    ),
)

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_TITLE = re.compile(r"[\w .&'+-]{1,40}", re.ASCII)
_PREFIX = re.compile(r"(?=.{1,40}\Z)[\w.~-]+(/[\w.~-]+)*", re.ASCII)


class Command(BaseCommand):
    help = "Begin a dialect: its folder, its tests, its page and its lines elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of its folder, such as `acme`")
        parser.add_argument(
            "--title", help="its name in words (default: from the name)"
        )
        parser.add_argument(
            "--prefix", help="below which every path is its own (default: api/NAME)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        words = {
            "name": name,
            "title": options["title"] or name.replace("_", " ").title(),
            "prefix": (options["prefix"] or f"api/{name}").strip("/"),
        }
        check(**words)
        root = Path(settings.BASE_DIR)
        if not (root / "tests" / "dialects").is_dir():
            raise CommandError("It writes into a checkout of the repository only.")
        new = new_files(root, words)
        if existing := next((path for path in new if path.exists()), None):
            raise CommandError(f"{existing.relative_to(root)} exists already.")
        write(root, name, new, changed_files(root, words))
        for path in new:
            self.stdout.write(str(path.relative_to(root)))
        self.stdout.write(
            f"{words['title']} is served. docs/adding-a-dialect.md goes on."
        )


def check(*, name: str, title: str, prefix: str) -> None:
    """Raises CommandError."""
    longest = Subscription._meta.get_field("dialect").max_length or 0
    if not _NAME.fullmatch(name) or iskeyword(name) or len(name) > longest:
        raise CommandError(
            f"{name!r} cannot be the name: it takes lower-case letters, digits and _, "
            f"begins with a letter, and is no longer than {longest}."
        )
    if interfaces.get(name) or name in {*wire.profiles(), documents.COMBINED}:
        raise CommandError(f"{name!r} is taken.")
    if not _TITLE.fullmatch(title):
        raise CommandError(
            f"{title!r} cannot be the title: it takes up to 40 letters, digits, spaces "
            "and any of . & ' + - _"
        )
    if not _PREFIX.fullmatch(prefix):
        raise CommandError(
            f"{prefix!r} cannot be the prefix: it is a path like api/v1."
        )


def new_files(root: Path, words: Mapping[str, str]) -> dict[Path, str]:
    """The text of each file that is written."""
    return {
        root
        / str(template.relative_to(TEMPLATES))
        .replace(PLACEHOLDER, words["name"])
        .removesuffix("-tpl"): Template(template.read_text()).substitute(words)
        for template in sorted(TEMPLATES.rglob("*-tpl"))
    }


def changed_files(root: Path, words: Mapping[str, str]) -> dict[Path, str]:
    """The text of each file that gets a line."""
    changed = {}
    for path, like, line in LINES:
        lines = (root / path).read_text().splitlines()
        new = Template(line).substitute(words)
        among = [n for n, each in enumerate(lines) if re.fullmatch(like, each)]
        at = next((n for n in among if lines[n].lower() > new.lower()), among[-1] + 1)
        changed[root / path] = "\n".join([*lines[:at], new, *lines[at:], ""])
    return changed


def write(
    root: Path, name: str, new: Mapping[Path, str], changed: Mapping[Path, str]
) -> None:
    """Raises CommandError, after everything is as it was."""
    openapi = root / "docs" / "openapi"
    former = {path: path.read_text() for path in (*changed, openapi / "combined.yaml")}
    try:
        for path, text in {**new, **changed}.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        # A process of its own: this one knows the dialects of its start.
        done = subprocess.run(
            [sys.executable, "manage.py", "openapi"],
            cwd=root,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise CommandError(f"It would not work:\n{done.stderr.strip()}")
    except BaseException:
        for path in (*new, openapi / f"{name}.yaml"):
            path.unlink(missing_ok=True)
        shutil.rmtree(root / "webhooks" / "dialects" / name, ignore_errors=True)
        for path, text in former.items():
            path.write_text(text)
        raise
