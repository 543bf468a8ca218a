"""The checks of a new event, before anything is written."""

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from webhooks.models import Event, Partner

from . import event_schemas

logger = logging.getLogger(__name__)

MAX_DATA = 256 * 1024  # bytes, as JSON
MAX_ATTRIBUTES = 8 * 1024
MAX_TYPE = 128
MAX_KEY = 255

TYPE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII)


class InvalidEvent(Exception):
    """An event that cannot be published: which `field`, and a `message` in words."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """An event to be published. Only `partner` is taken on trust."""

    partner: Partner
    type: str
    data: Any
    occurred_at: datetime | None = None  # None: when it is published
    attributes: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    about: UUID | None = None
    """The endpoint that it is about, and is not sent to."""


def check(events: Sequence[NewEvent]) -> dict[int, InvalidEvent]:
    """The errors of the events; one SELECT, for the schemas of their types."""
    refused = {}
    for index, new in enumerate(events):
        if invalid := _failure(_check, new):
            refused[index] = invalid
    schemas = event_schemas.of(
        {new.type for index, new in enumerate(events) if index not in refused}
    )
    for index, new in enumerate(events):
        schema = schemas.get(new.type)
        if index in refused or schema is None:
            continue
        if invalid := _failure(partial(_check_by, schema), new):
            refused[index] = invalid
    return refused


def _failure(check: Callable[[Any], None], value: Any) -> InvalidEvent | None:
    """What a check says of one event. A check that fails itself, as on a schema that
    refers to itself without end, refuses that event and no other."""
    try:
        check(value)
    except InvalidEvent as invalid:
        return invalid
    except Exception:
        logger.exception("An event could not be checked.")
        return InvalidEvent("data", "Cannot be checked: the check itself failed.")
    return None


def canonical(new: NewEvent) -> bytes:
    """The request as one text, whatever the order of its members."""
    request = [new.type, new.data, dict(new.attributes), new.occurred_at]
    return orjson.dumps(request, option=orjson.OPT_SORT_KEYS)


def _check(new: NewEvent) -> None:
    if not isinstance(new.type, str) or not TYPE.fullmatch(new.type):
        raise InvalidEvent("type", "Must be words of A-Z a-z 0-9 _ -, joined by dots.")
    if len(new.type) > MAX_TYPE:
        raise InvalidEvent("type", f"Must be no longer than {MAX_TYPE} characters.")
    _check_object("data", new.data, MAX_DATA)
    _check_attributes(new.attributes)
    if new.occurred_at is not None and new.occurred_at.tzinfo is None:
        raise InvalidEvent("occurred_at", "Must carry its offset from UTC.")
    if (key := new.idempotency_key) is not None and (
        not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or "\0" in key
    ):
        raise InvalidEvent(
            "idempotency_key", f"Must be a string of 1 to {MAX_KEY} characters."
        )


def _check_by(
    schema: event_schemas.Schema | event_schemas.Broken, new: NewEvent
) -> None:
    if isinstance(schema, event_schemas.Broken):
        raise InvalidEvent("type", f"The schema of {new.type} is unusable.")
    try:
        schema.check(new.data)
    except event_schemas.Mismatch as mismatch:
        field = event_schemas.dotted(mismatch.path)
        raise InvalidEvent(field, mismatch.message) from None


def _check_attributes(attributes: Mapping[str, Any]) -> None:
    _check_object("attributes", attributes, MAX_ATTRIBUTES)
    if not isinstance(attributes.get("shop_id", ""), str):
        raise InvalidEvent("attributes", "shop_id must be a string.")
    if Event.TEST_OF in attributes:  # it would be tried once, as a test is
        raise InvalidEvent("attributes", f"{Event.TEST_OF} is not given by publishers.")


def _check_object(name: str, value: Any, limit: int) -> None:
    if not isinstance(value, dict):
        raise InvalidEvent(name, "Must be a JSON object.")
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise InvalidEvent(name, f"Cannot be stored as JSON: {error}.") from None
    if len(text) > limit:
        raise InvalidEvent(name, f"Must be no larger than {limit // 1024} KiB as JSON.")
    # orjson writes null for what is not a number, and what no database can hold is rare:
    # each leaves a mark in the text, so most values are walked once only.
    if b"null" in text and _has_nan(value):
        raise InvalidEvent(name, "Numbers must be finite.")
    if b"\\u0000" in text and has_nul(value):
        raise InvalidEvent(name, "Strings must not contain the character U+0000.")


def _has_nan(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return True
    return False


def has_nul(value: Any) -> bool:
    """Whether a string of it has the character U+0000, which PostgreSQL does not store."""
    if isinstance(value, dict):
        return any(has_nul(item) for pair in value.items() for item in pair)
    if isinstance(value, list | tuple):
        return any(has_nul(item) for item in value)
    return isinstance(value, str) and "\0" in value
