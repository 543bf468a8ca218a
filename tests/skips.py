"""Which tests may be left out: those of the other database, and those marked `optional`.

Where CI=true everything else is installed, and any other skip is a failure: a test that
nobody runs proves nothing.
"""

import os
from collections.abc import Generator

import pytest
from django.db import connection

VENDORS = ("sqlite", "postgresql")


def _foreign(item: pytest.Item) -> pytest.Mark | None:
    """The mark that keeps it to a database which is not the one of this run."""
    marks = (
        item.get_closest_marker(name) for name in VENDORS if name != connection.vendor
    )
    return next(filter(None, marks), None)


def pytest_itemcollected(item: pytest.Item) -> None:
    if mark := _foreign(item):
        item.add_marker(pytest.mark.skip(f"only on {mark.name}: {mark.args[0]}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    is_missing = report.skipped and os.environ.get("CI") == "true"
    if is_missing and not (_foreign(item) or item.get_closest_marker("optional")):
        report.outcome = "failed"
        report.longrepr = f"Nothing is missing where CI=true: {report.longrepr}"
    return report
