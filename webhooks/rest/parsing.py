"""Reads the body of a request as strict JSON.

Malformed JSON and valid JSON with a value that cannot be stored are two errors: the
second one names the field.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import IO, Any, ClassVar, NoReturn

import orjson
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from .bodies import read

MAX_DEPTH = 64

LONGEST_PLACE = 200
"""Characters of an answer that say where in a body something is wrong."""

Path = tuple[str | int, ...]

_NUL = "must not contain the character U+0000"
_SURROGATE = "must not contain half of a surrogate pair"
TOO_DEEP = f"must not be nested more than {MAX_DEPTH} levels deep"
_TOO_LARGE = "must be a number that 64 bits can hold"

_SURROGATES = re.compile("[\ud800-\udfff]")


class MalformedJSON(Exception):
    """The body is not JSON. `reason` is in words; `position` counts bytes from 0."""

    def __init__(self, reason: str, position: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


class RefusedValue(exceptions.ValidationError):
    """The body could be read, and one of its values cannot be stored.

    `path` leads to the value; it is empty for the body itself. `reason` follows the name
    of the value in a sentence: "must not contain …".
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__({self.name: [f"{self.name} {reason}"]})

    @property
    def name(self) -> str:
        """`events.0`"""
        return shortened(".".join(map(str, self.path))) or "body"


def shortened(place: str) -> str:
    """A place in a body, as an answer tells it: the names in it are the caller's."""
    return place if len(place) <= LONGEST_PLACE else f"{place[:LONGEST_PLACE]}…"


class TooManyValues(RefusedValue):
    """The body holds more than `most` values."""

    def __init__(self, most: int) -> None:
        super().__init__((), f"must not hold more than {most:,} values")


class ByContentType(DefaultContentNegotiation):
    """Chooses the parser for a body; only its Content-Type counts, and no parameter."""

    def select_parser(  # type: ignore[override]
        self, request: Request, parsers: Sequence["Parser"]
    ) -> "Parser | None":
        given = (request.content_type or "").partition(";")[0].strip().lower()
        for parser in parsers:
            if any(fnmatchcase(given, each) for each in parser.media_types()):
                return parser
        view = (request.parser_context or {})["view"]
        return Ignored() if view.ignores_other_media_types else None


class Parser(BaseParser):
    media_type: str
    # Patterns of other media types that the parser reads, too.
    also: ClassVar[Sequence[str]] = ()

    @classmethod
    def media_types(cls) -> Sequence[str]:
        return (cls.media_type, *cls.also)

    @classmethod
    def written(cls, value: Any) -> str:
        """The body of a request from which the value is read."""
        raise NotImplementedError


class StrictJSON(Parser):
    """Reads JSON; raises MalformedJSON, RefusedValue, and what `read` raises."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = parser_context or {}
        return self.value(read(stream, context), context["view"].max_values)

    @classmethod
    def written(cls, value: Any) -> str:
        return json.dumps(value)

    def value(self, body: bytes, most: int | None = None) -> Any:
        return loads(body, most)


class ObjectOrArray(StrictJSON):
    """A JSON text as RFC 4627 had it, and some frameworks still do: `1` is none."""

    def value(self, body: bytes, most: int | None = None) -> Any:
        value = super().value(body, most) if body.lstrip()[:1] in b"{[" else None
        if not isinstance(value, dict | list):
            raise MalformedJSON("the text is neither an object nor an array")
        return value


class Ignored(Parser):
    """Reads nothing, as some frameworks do with media types that they do not know."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return {}


def loads(body: bytes, most: int | None = None) -> Any:
    """The value of a JSON text; raises MalformedJSON, RefusedValue, and TooManyValues when it holds
    more than `most`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _check_text(body, most)
        # orjson counts characters, not bytes; a caller finds the place by it all the same.
        raise MalformedJSON(error.msg, error.pos) from None
    # Each can only be wrong if its mark is in the text, so most bodies are not walked.
    brackets = body.count(b"[") + body.count(b"{")
    is_long = most is not None and brackets + body.count(b",") > most
    is_deep = brackets > MAX_DEPTH and _is_too_deep(value)
    if b"\\u0000" in body or is_deep or is_long:
        check(value, most=most)
    return value


def _is_too_deep(value: Any) -> bool:
    """Whether `check` would find it nested too deep. It looks at the containers only, a level
    at a time: a tenth of the time."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_DEPTH):
        level = [
            item
            for container in level
            for item in (container.values() if type(container) is dict else container)
            if type(item) in _CONTAINERS
        ]
        if not level:
            return False
    return True


def check(value: Any, path: Path = (), *, most: int | None = None) -> None:
    """Raises RefusedValue for the first value that cannot be stored, and TooManyValues when there
    are more than `most` in it. `path` is where it stands. A value takes one or two microseconds."""
    if reason := _refusal(value):
        raise RefusedValue(path, reason)
    steps = [*path]
    # The containers that were begun; `steps` leads to the innermost, which is the last.
    begun = [_items(value)]
    count = 0
    while begun:
        for step, item in begun[-1]:
            count += 1
            if most is not None and count > most:
                raise TooManyValues(most)
            _check_item(steps, step, item)
            if item and type(item) in _CONTAINERS:
                steps.append(step)
                begun.append(_items(item))
                break
        else:
            begun.pop()
            del steps[-1:]


_CONTAINERS = frozenset({dict, list})


def _check_item(steps: Sequence[str | int], step: str | int, item: Any) -> None:
    # A name that cannot be shown is reported at its object.
    if type(step) is str and (reason := _refusal(step)):
        raise RefusedValue((*steps,), reason)
    if type(item) in _CONTAINERS:
        if len(steps) + 1 >= MAX_DEPTH:
            raise RefusedValue((*steps, step)[:1], TOO_DEEP)
    elif reason := _refusal(item):
        raise RefusedValue((*steps, step), reason)


def _items(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return iter(enumerate(value) if isinstance(value, list) else ())


def _refusal(value: Any) -> str | None:
    if type(value) is str:
        if "\0" in value:
            return _NUL
        if not value.isascii() and _SURROGATES.search(value):
            return _SURROGATE
    elif type(value) is float and math.isinf(value):
        return _TOO_LARGE
    return None


def _check_text(body: bytes, most: int | None) -> None:
    """Raises RefusedValue for valid JSON that orjson refuses because of a value: half of a
    surrogate pair, a number that is too large, deep nesting."""
    try:
        text = body.decode()
        value = json.loads(text, parse_int=float, parse_constant=no_constant)
    except RecursionError:
        raise RefusedValue((), TOO_DEEP) from None
    except ValueError:
        return
    try:
        check(value, most=most)
    except TooManyValues:
        raise
    except RefusedValue as refused:
        # Whether so deep a text is read at all differs from one Python to the next.
        path = () if refused.reason == TOO_DEEP else refused.path
        raise RefusedValue(path, refused.reason) from None


def no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are Python's own additions to JSON
