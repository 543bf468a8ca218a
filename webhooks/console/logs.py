"""The log of every process: one record in one line, as text or as JSON.

A record that is written while a request is answered carries the id of that request, and who
asked. A record may bring more: `logger.info("…", extra={FIELDS: {"delivery": "…"}})`. Neither
form shows characters that hide text or turn its direction, or more than the first half of a key.
"""

import json
import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from webhooks.operations.hidden_characters import HIDDEN

from .untrusted_text import code_of

FIELDS = "fields"
"""The attribute of a record that holds what is known about it, by name."""

LONGEST = 8 * 1024
"""Characters of a message, and of a traceback, that are written."""

# A key stays recognisable by its prefix, which everybody may see.
_SECRET = re.compile(r"(whk_[0-9A-Za-z]{10}_|whsec_)[0-9A-Za-z+/=_-]+")

# The message of an access record says these already.
_IN_MESSAGE = {"method", "path", "status"}


@dataclass(slots=True)
class CurrentRequest:
    """The request that this thread answers. `caller` is `key:<prefix>`, `staff:<id>` or empty."""

    id: str
    caller: str = ""


_current: ContextVar[CurrentRequest | None] = ContextVar("request", default=None)


class Answering:
    """What this thread logs within this context belongs to `request`."""

    __slots__ = ("_request", "_token")
    _token: Token[CurrentRequest | None]

    def __init__(self, request: CurrentRequest) -> None:
        self._request = request

    def __enter__(self) -> None:
        self._token = _current.set(self._request)

    def __exit__(self, *exception: object) -> None:
        _current.reset(self._token)


def name_caller(caller: str) -> None:
    """Who asks, once that is known. Outside of a request it does nothing."""
    if request := _current.get():
        request.caller = caller


class WithoutTraceback(logging.Filter):
    """Shortens what Django says of a request that it refuses, such as one for another host, to
    one line: anybody can send a thousand of them."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.exc_info = record.exc_text = None
        return True


class TextFormatter(logging.Formatter):
    """For people: time, level, logger and message, then `name=value`. A traceback follows in
    lines of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        record.message = _shortened(record.message)
        line = super().formatMessage(record)
        for name, value in _fields(record).items():
            if name not in _IN_MESSAGE:
                line += f" {name}={value}"
        return line.replace("\n", r"\n")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's
        return _shortened(super().formatException(ei))

    def format(self, record: logging.LogRecord) -> str:
        return _without_secrets(HIDDEN.sub(code_of, super().format(record)))


class JsonFormatter(logging.Formatter):
    """For programs: an object in one line. A traceback is the member `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        members: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": _shortened(record.getMessage()),
            **_fields(record),
            "process": record.process,
        }
        if record.exc_info:
            members["exception"] = _shortened(self.formatException(record.exc_info))
        if record.stack_info:
            members["stack"] = _shortened(record.stack_info)
        return _without_secrets(_in_ascii(members).replace("\x7f", r"\u007f"))


def _in_ascii(members: Mapping[str, Any]) -> str:
    try:
        line = orjson.dumps(members, default=str, option=orjson.OPT_UTC_Z).decode()
    except TypeError:  # half of a surrogate pair, or an integer of more than 64 bits
        return json.dumps(members, default=str)
    # Nearly all are ASCII already, in which no character is hidden or turns the direction.
    return line if line.isascii() else json.dumps(json.loads(line))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = dict(getattr(record, FIELDS, ()))
    if record.processName != "MainProcess":
        found["process_name"] = record.processName
    if request := _current.get():
        found["request_id"] = request.id
        if request.caller:
            found["caller"] = request.caller
    return found


def _shortened(text: str) -> str:
    """The end of a traceback says what was raised, so it is the middle that is left out."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} … {len(text) - LONGEST} more characters … {text[-half:]}"


def _without_secrets(line: str) -> str:
    if "whk_" not in line and "whsec_" not in line:
        return line
    return _SECRET.sub(r"\1[redacted]", line)
