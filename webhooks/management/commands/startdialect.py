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
from collections.abc import Iterable, Mapping
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import URLResolver, get_resolver

from webhooks.api import PORTAL
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

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
_TITLE = re.compile(r"(?=.{1,40}\Z)[a-zA-Z0-9][\w .&'+-]*(?<! )", re.ASCII)
_SEGMENT = r"(?!\.\.?(?:/|\Z))[\w.~-]+"  # . and .. lead elsewhere
_PREFIX = re.compile(rf"(?=.{{1,40}}\Z){_SEGMENT}(/{_SEGMENT})*", re.ASCII)


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
        for path in (*own_paths(root, name), *new):
            if path.exists():
                raise CommandError(f"{path.relative_to(root)} exists already.")
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
            f"{name!r} cannot be the name: it takes lower-case letters, digits and single _ "
            f"between them, begins with a letter, and is no longer than {longest}."
        )
    if interfaces.get(name) or name in {*wire.profiles(), documents.COMBINED}:
        raise CommandError(f"{name!r} is taken.")
    if not _TITLE.fullmatch(title):
        raise CommandError(
            f"{title!r} cannot be the title: it takes up to 40 letters, digits, spaces "
            "and any of . & ' + - _, begins with a letter or digit, and ends with no space."
        )
    if title.casefold() in {each.title.casefold() for each in interfaces.all()}:
        raise CommandError(f"The title {title!r} is taken.")
    if not _PREFIX.fullmatch(prefix):
        raise CommandError(
            f"{prefix!r} cannot be the prefix: it is a path like api/v1."
        )
    given = f"{prefix}/".casefold()
    for address in portal_addresses():
        if given.startswith(f"{address}/") or f"{address}/".startswith(given):
            raise CommandError(
                f"{prefix!r} cannot be the prefix: the portal itself serves /{address}."
            )


def portal_addresses() -> Iterable[str]:
    """Where the portal's pages begin, its static files and its own API."""
    # The addresses of interfaces are patterns of the root; those of the portal are included.
    for room in get_resolver().url_patterns:
        if isinstance(room, URLResolver):
            for each in room.url_patterns:
                yield f"{room.pattern}{each.pattern}".partition("/")[0]
    yield settings.STATIC_URL.strip("/")
    yield PORTAL.prefix


def own_paths(root: Path, name: str) -> tuple[Path, Path]:
    """What is the dialect's alone, beside the files from the templates."""
    document = root / "docs" / "openapi" / f"{name}.yaml"
    return root / "webhooks" / "dialects" / name, document


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
        if not (root / path).is_file():
            raise CommandError(f"{path} is missing.")
        lines = (root / path).read_text().splitlines()
        new = Template(line).substitute(words)
        among = [n for n, each in enumerate(lines) if re.fullmatch(like, each)]
        if not among:
            raise CommandError(f"{path} has no line of another dialect.")
        at = next((n for n in among if lines[n].lower() > new.lower()), among[-1] + 1)
        changed[root / path] = "\n".join([*lines[:at], new, *lines[at:], ""])
    return changed


def write(
    root: Path, name: str, new: Mapping[Path, str], changed: Mapping[Path, str]
) -> None:
    """Raises CommandError, after everything is as it was."""
    folder, document = own_paths(root, name)
    documents_there = document.parent.glob("*.yaml")
    former = {path: path.read_bytes() for path in (*changed, *documents_there)}
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
        for path in {*new, *document.parent.glob("*.yaml")} - former.keys():
            path.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        for path, content in former.items():
            path.write_bytes(content)
        raise
