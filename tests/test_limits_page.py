"""docs/limits.md: every limit names a setting and a test that exist."""

import ast
import re
from functools import cache

import pytest
from django.conf import settings

PAGE = settings.BASE_DIR / "docs" / "limits.md"
NO_SETTING = "-"


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "What"]


@cache
def functions_in(path: str) -> set[str]:
    """The names of the test functions of a file, and of its test classes' methods."""
    tree = ast.parse((settings.BASE_DIR / path).read_text())
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_it_names_a_setting_and_a_test_that_exist(row):
    _, limit, setting, answer, test = row
    assert limit
    assert answer
    for name in re.findall(r"`([A-Z_]+)`", setting):
        assert hasattr(settings, name), name
    assert setting == NO_SETTING or "`" in setting
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", test)
    assert named, "a row names its test"
    for path, function in named:
        assert not function or function in functions_in(path), function
