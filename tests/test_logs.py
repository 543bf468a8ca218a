"""A stranger's words stay on the line of the log that they were written in."""

import logging
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


def line_of(record: logging.LogRecord) -> str:
    """What the portal's own formatter makes of it."""
    logs: Any = settings.LOGGING
    options = logs["formatters"]["line"]
    formatter: Any = import_string(options["()"])(options["format"])
    return str(formatter.format(record))


def test_a_path_of_two_lines_is_logged_on_one(client, caplog) -> None:
    client.get("/none%0A2026-11-28%20INFO%20portal%20forged%1B[2J%E2%80%AEtxt")

    [record] = [r for r in caplog.records if r.name == "django.request"]
    line = line_of(record)
    assert "forged" in line
    assert "\n" not in line
    assert line.isprintable()


def test_what_the_portal_logs_itself_is_no_different() -> None:
    record = logging.makeLogRecord({"msg": "%s failed", "args": ("a\nb\r\u202ec\x1b",)})
    assert line_of(record).endswith(r"a\nb\u000d\u202ec\u001b failed")


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("a\x1bb")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    line, *traceback = line_of(
        logging.makeLogRecord({"msg": "It failed.", "exc_info": info})
    ).split("\n")
    assert line.endswith("It failed.")
    assert traceback[0].startswith("Traceback")
    assert traceback[-1] == r"ValueError: a\u001bb"
