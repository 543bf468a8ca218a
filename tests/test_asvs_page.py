"""docs/asvs.md: every requirement of levels 1 and 2 has a status, and what shows it exists."""

import re

import pytest
from django.conf import settings

from tests.test_limits_page import functions_in

PAGE = (settings.BASE_DIR / "docs" / "asvs.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if re.match(r"\| \d", line)
]
CHAPTERS = {
    # Requirements of levels 1 and 2 in version 5.0.0, by chapter.
    "1": 27,
    "2": 11,
    "3": 19,
    "4": 10,
    "5": 9,
    "6": 35,
    "7": 18,
    "8": 7,
    "9": 7,
    "11": 14,
    "12": 9,
    "13": 13,
    "14": 9,
    "15": 13,
    "16": 16,
}
PLACES = r"`((?:docs|portal|templates|tests|webhooks)(?:/[\w.*-]+)*|Dockerfile|requirements\.lock|pyproject\.toml)(?:::(\w+))?`"


def test_it_names_every_requirement_once():
    ids = [row[0] for row in ROWS]

    assert len(ids) == len({*ids})
    assert {c: sum(id.split(".")[0] == c for id in ids) for c in CHAPTERS} == CHAPTERS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_it_names_exists(row):
    _, requirement, status, shown = row
    assert requirement
    assert status in {"met", "not met", "operator", "n/a"}
    assert shown
    for path, function in re.findall(PLACES, shown):
        assert (settings.BASE_DIR / path).exists(), path
        assert not function or function in functions_in(path), function
