"""docs/delivery.md says what the code does: its tables are compared with it. The schedule
of a dialect may be on the dialect's page instead."""

import re
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings

from webhooks.delivery import wire
from webhooks.delivery.attempt import ERROR
from webhooks.delivery.endpoint_notifications import Kind
from webhooks.delivery.result import Outcome
from webhooks.models import Delivery

DOCS = Path(settings.BASE_DIR) / "docs"
PAGE = (DOCS / "delivery.md").read_text()
DIALECTS = [path.read_text() for path in sorted((DOCS / "dialects").glob("*.md"))]
UNITS = {
    "": 1,
    "s": 1,
    "min": 60,
    "h": 3600,
    "days": 24 * 3600,
    "KiB": 1024,
}


def rows(heading):
    """The cells of the tables under a heading, without their heads."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return cells(section.splitlines())[2:]


def cells(lines):
    tables = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in tables]


def schedules():
    """The rows of every table with this head, by their profiles."""
    head = (
        "| profile | attempts | waits before them | varied by | time for one attempt |"
    )
    for page in (PAGE, *DIALECTS):
        for table in page.split(f"{head}\n")[1:]:
            for profile, *row in cells(table.partition("\n\n")[0].splitlines())[1:]:
                yield profile.strip("`"), row


def number(text):
    """`75 h 35 min` in seconds; `64 KiB` in bytes; `5` as it is."""
    parts = re.findall(r"([\d.]+) ?([A-Za-z]*)", text)
    assert " ".join(f"{value} {unit}".strip() for value, unit in parts) == text
    return sum(float(value) * UNITS[unit] for value, unit in parts)


NUMBERS = rows("The numbers")
SCHEDULES = dict(schedules())


def test_its_schedules_are_those_of_all_profiles():
    assert set(SCHEDULES) == set(wire.profiles())


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_the_profiles_own(name):
    profile = wire.profile(name)
    attempts, waits, spread, timeout = SCHEDULES[name]
    count, _, total = attempts.partition(" in ")

    assert [number(wait) for wait in waits.split(", ")] == list(profile.schedule.waits)
    assert int(count) == profile.schedule.attempts
    assert number(total) == sum(profile.schedule.waits)
    jitter = profile.schedule.jitter
    assert spread == (f"± {jitter:.0%}".replace("%", " %") if jitter else "nothing")
    assert number(timeout) == profile.timeout


@pytest.mark.parametrize(
    ("value", "where"), [pytest.param(v, w, id=w.strip("`")) for _, v, w in NUMBERS]
)
def test_a_number_is_the_one_in_the_code(value, where):
    module, _, name = where.strip("`").rpartition(".")
    room = "" if module.startswith("operations.") else "delivery."
    found = getattr(import_module(f"webhooks.{room}{module}"), name)
    if isinstance(found, timedelta):
        found = found.total_seconds()

    assert number(value) == found


def test_it_has_every_outcome_and_every_state():
    outcomes = {word for row in rows("What counts as what") for word in row[1:2]}
    assert outcomes == {f"`{outcome}`" for outcome in (*Outcome, ERROR)}

    promise = PAGE.partition("## The promise")[2].partition("\n## ")[0]
    ended = set(Delivery.State.values) - {"pending"}
    assert {state for state in ended if f"`{state}`" in promise} == ended


def test_it_lists_every_operational_event():
    listed = {row[0].strip("`") for row in rows("When an endpoint fails")}
    assert listed == set(Kind)
