"""What a request's body says: JSON, read strictly.

What is JSON and holds a value that a database could not store or a reader not hold is
told apart from what is no JSON: the caller has to mend one field, not its writer of JSON.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import IO, Any, ClassVar, NoReturn

import orjson
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from .bodies import read

MAX_DEPTH = 64

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
    """The body could be read, and the portal takes one of its values nowhere.

    `path` leads to the value, and is empty for the body itself; `reason` is what follows
    its name: "must not contain …".
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__({self.name: [f"{self.name} {reason}"]})

    @property
    def name(self) -> str:
        """`events.0`"""
        return ".".join(map(str, self.path)) or "body"


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
    # Patterns of other types that are read in the same way.
    also: ClassVar[Sequence[str]] = ()

    @classmethod
    def media_types(cls) -> Sequence[str]:
        return (cls.media_type, *cls.also)


class StrictJSON(Parser):
    """Reads JSON; raises MalformedJSON, RefusedValue, and what `read` raises."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return self.value(read(stream, parser_context or {}))

    def value(self, body: bytes) -> Any:
        return loads(body)


class ObjectOrArray(StrictJSON):
    """A JSON text as RFC 4627 had it, and some frameworks still do: `1` is none."""

    def value(self, body: bytes) -> Any:
        value = super().value(body) if body.lstrip()[:1] in b"{[" else None
        if not isinstance(value, dict | list):
            raise MalformedJSON("the text is neither an object nor an array")
        return value


class Ignored(Parser):
    """Takes a body for none, as some frameworks do with types that they do not read."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return {}


def loads(body: bytes) -> Any:
    """The value of a JSON text; raises MalformedJSON or RefusedValue."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _check_text(body)
        # orjson counts characters; for what can be told to a caller that is near enough.
        raise MalformedJSON(error.msg, error.pos) from None
    # Either can only be there if its mark is in the text, so most bodies are not walked.
    if b"\\u0000" in body or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        check(value)
    return value


def check(value: Any, path: Path = ()) -> None:
    """Raises RefusedValue for the first value that the portal takes nowhere."""
    if isinstance(value, dict | list):
        if len(path) == MAX_DEPTH:
            raise RefusedValue(path[:1], TOO_DEEP)
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for step, item in items:
            check(step, path)  # a name is told by its object, since it cannot be told
            check(item, (*path, step))
    elif reason := _refusal(value):
        raise RefusedValue(path, reason)


def _refusal(value: Any) -> str | None:
    match value:
        case str() if "\0" in value:
            return _NUL
        case str() if _SURROGATES.search(value):
            return _SURROGATE
        case float() if math.isinf(value):
            return _TOO_LARGE
    return None


def _check_text(body: bytes) -> None:
    """Raises RefusedValue for JSON that orjson takes for none because of a value in it:
    half a surrogate pair, a number without end, deep nesting."""
    try:
        text = body.decode()
        check(json.loads(text, parse_int=float, parse_constant=_no_constant))
    except RecursionError:
        raise RefusedValue((), TOO_DEEP) from None
    except ValueError:
        return


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are Python's own additions to JSON
