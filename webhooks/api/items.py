"""Reads a body whose items are refused one by one, for values that cannot be stored too."""

import json
from collections.abc import Sequence
from typing import Any

from webhooks.rest.parsing import (
    TOO_DEEP,
    MalformedJSON,
    RefusedValue,
    StrictJSON,
    TooManyValues,
    check,
    loads,
    no_constant,
)

_LEAST, _MOST = -(2**63), 2**64 - 1  # what orjson keeps as an integer


class Items(StrictJSON):
    """Reads JSON like its base. An item of the list `events` that holds a value which cannot
    be stored is replaced by the RefusedValue that says so."""

    name = "events"

    def value(self, body: bytes, most: int | None = None) -> Any:
        try:
            return loads(body, most)
        except TooManyValues:
            raise
        except RefusedValue as refused:
            value = _read(body, refused)
        if not isinstance(value, dict) or not isinstance(value.get(self.name), list):
            check(value)
            return value
        check({name: item for name, item in value.items() if name != self.name})
        value[self.name] = [
            _checked(item, (self.name, index))
            for index, item in enumerate(value[self.name])
        ]
        return value


def _read(body: bytes, refused: RefusedValue) -> Any:
    """What orjson makes of the body, or would if it took its values."""
    try:
        return json.loads(body, parse_int=_integer, parse_constant=no_constant)
    except RecursionError:
        raise refused from None
    except ValueError as error:
        raise MalformedJSON(str(error)) from None


def _integer(text: str) -> int | float:
    # Exact, as a float near the ends is not. Python takes no more than 4,300 digits.
    if len(text) <= 20 and _LEAST <= (value := int(text)) <= _MOST:
        return value
    return float(text)


def _checked(item: Any, path: Sequence[str | int]) -> Any:
    try:
        check(item, tuple(path))
    except RefusedValue as refused:
        where = tuple(path) if refused.reason == TOO_DEEP else refused.path
        return RefusedValue(where, refused.reason)
    return item
