"""docs/limits.md: each row names a test that exists, and the number that the code has."""

import ast
import re
from datetime import timedelta
from functools import cache
from pkgutil import resolve_name
from typing import Any

import pytest
from django.conf import settings

import portal.settings

PAGE = settings.BASE_DIR / "docs" / "limits.md"
NOTHING = "-"
UNITS = {
    "B": {1: "bytes", 1024: "KiB", 1024 * 1024: "MiB"},
    "s": {1: "s", 60: "min", 3600: "h", 86_400: "days"},
}


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "What"]


ROWS = rows()
NUMBERS = [(row[1], name) for row in ROWS for name in re.findall(r"`([\w.]+)`", row[2])]


@cache
def functions_in(path: str) -> set[str]:
    """The names of the test functions of a file, and of its test classes' methods."""
    tree = ast.parse((settings.BASE_DIR / path).read_text())
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


def value_of(name: str) -> Any:
    """Of a setting, as it is without an environment of its own; or of a constant, by its place
    in `webhooks` or `portal`."""
    if name.isupper():
        return getattr(portal.settings, name)
    return resolve_name(name if name.startswith("portal.") else f"webhooks.{name}")


def written(value: Any) -> set[str]:
    """The ways in which the page may write it."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    forms = {f"{number:,g}" if number < 10**6 else f"{number:,.0f}"}
    for units in UNITS.values():
        for size, unit in units.items():
            if number % size == 0:
                forms.add(f"{number / size:,.0f} {unit}")
    return forms


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_it_names_tests_that_exist(row):
    _, limit, where, answer, test = row
    assert limit
    assert answer
    assert where == NOTHING or re.fullmatch(r"`[\w.]+`(, `[\w.]+`)*", where)
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", test)
    assert ", ".join(f"`{path}::{name}`" for path, name in named) == test
    for path, function in named:
        assert function in functions_in(path), function


@pytest.mark.parametrize(("limit", "name"), NUMBERS)
def test_a_number_is_the_one_in_the_code(limit, name):
    value = value_of(name)
    for number in value.values() if isinstance(value, dict) else [value]:
        if not isinstance(number, bool):
            forms = "|".join(map(re.escape, written(number)))
            assert re.search(rf"(?<![\w,.])(?:{forms})\b", limit), f"{name}: {number}"


def test_it_has_every_limit_of_a_partner():
    named = {name for _, name in NUMBERS}
    assert {name for name in dir(portal.settings) if name.startswith("LIMIT_")} <= named
