"""The portal as its clients meet it: another process, behind a real socket."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.management import portal

_NO_LIMITS = {name: "1000000" for name in dir(settings) if name.startswith("LIMIT_")}
"""Tests share partners, which make more than one partner would."""


@dataclass(frozen=True)
class Served:
    """A portal that `manage.py serve` runs."""

    port: int
    database_url: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def issue(self, *arguments: str) -> dict[str, Any]:
        """What `issue_key --json` prints of a new key, issued as an operator does."""
        done = portal.manage(
            "issue_key", *arguments, "--json", database_url=self.database_url
        )
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    def key(self, partner: str) -> str:
        """A new key of the partner of that name."""
        text: str = self.issue(partner, "--create")["key"]
        return text


@contextmanager
def running(database_url: str, log: Path) -> Iterator[Served]:
    """A portal over this database, with one worker."""
    with portal.serving(database_url=database_url, log=log, **_NO_LIMITS) as (port, _):
        yield Served(port, database_url)
