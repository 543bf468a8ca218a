"""Writes the OpenAPI documents to docs/openapi, or checks that they are as committed."""

import difflib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webhooks.front import documents


class Command(BaseCommand):
    help = "Write the OpenAPI documents, or check that they are up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="write nothing; fail with the difference when a document is not current",
        )
        parser.add_argument(
            "--directory",
            type=Path,
            default=Path(settings.BASE_DIR) / "docs" / "openapi",
            help="where they are (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"]
        wanted = {f"{slug}.yaml": self._generated(slug) for slug in documents.slugs()}
        found = {path.name: path.read_text() for path in directory.glob("*.yaml")}
        if options["check"]:
            self._compare(found, wanted)
            return
        directory.mkdir(parents=True, exist_ok=True)
        for name in found.keys() - wanted.keys():
            (directory / name).unlink()
        for name, text in wanted.items():
            (directory / name).write_text(text)
        self.stdout.write(f"{len(wanted)} documents in {directory}.")

    def _generated(self, slug: str) -> str:
        try:
            documents.check(slug)
        except documents.Unclean as unclean:
            raise CommandError(str(unclean)) from None
        return documents.yaml(slug).decode()

    def _compare(self, found: dict[str, str], wanted: dict[str, str]) -> None:
        stale = False
        for name in sorted(found.keys() | wanted.keys()):
            lines = difflib.unified_diff(
                found.get(name, "").splitlines(keepends=True),
                wanted.get(name, "").splitlines(keepends=True),
                f"committed/{name}",
                f"generated/{name}",
            )
            for line in lines:
                stale = True
                self.stdout.write(line, ending="")
        if stale:
            raise CommandError("The documents are not current; run `make schema`.")
