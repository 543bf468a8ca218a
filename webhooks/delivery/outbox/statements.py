"""Reads the statements in .sql files.

Each begins with `-- name: …`. A `$word` in it stands for a value of limits.py, for an
earlier statement of the same file, or for what the reader is given. Such values are
constants of ours; what varies is a parameter.

Comments and indentation are not sent: psycopg takes a statement apart anew at every
execution when it is longer than 4096 characters. No literal may hold `--` or two spaces.
"""

import re
from pathlib import Path
from string import Template

from webhooks.models import EndpointHour

from .limits import IN_STATEMENTS

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"--.*")

HOUR_FIELDS = ("delivered", "failed", *EndpointHour.LATENCY_FIELDS)
"""The columns of the statistics that a settlement adds to."""


def read(path: Path, **words: object) -> dict[str, str]:
    """The statements of a file, by name."""
    _, *parts = _NAME.split(path.read_text())
    found: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        statement = " ".join(_COMMENT.sub("", text).split())
        found[name] = Template(statement).substitute(IN_STATEMENTS, **words, **found)
    return found


def hour_sums(table: str) -> str:
    """SQL that adds new statistics to an existing row."""
    return ", ".join(f"{f} = {table}.{f} + excluded.{f}" for f in HOUR_FIELDS)
