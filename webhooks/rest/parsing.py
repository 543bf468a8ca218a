"""Request bodies: strict JSON of bounded size and depth.

Refused here is what a database could not store or a reader not hold: NaN and infinite
numbers, lone surrogates, NUL in strings, deep nesting, bodies over the limit.
"""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.parsers import BaseParser

MAX_DEPTH = 64


class MalformedJSON(Exception):
    """The body is not JSON. `reason` is in words; `position` counts bytes from 0."""

    def __init__(self, reason: str, position: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


class BodyTooLarge(Exception):
    """The body is longer than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class StrictJSON(BaseParser):
    """Reads JSON; raises MalformedJSON or BodyTooLarge."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return loads(read(stream, parser_context or {}))


class ObjectOrArray(StrictJSON):
    """A JSON text as RFC 4627 had it, and some frameworks still do: `1` is none."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        value = super().parse(stream, media_type, parser_context)
        if not isinstance(value, dict | list):
            raise MalformedJSON("the text is neither an object nor an array")
        return value


class Ignored(BaseParser):
    """Takes any other media type for no body at all, as some frameworks do."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return {}


def read(stream: IO[Any], parser_context: Mapping[str, Any]) -> bytes:
    """The body, as far as DRF's parser context allows; raises BodyTooLarge.

    What is announced as too long is not waited for: it would hold a thread.
    """
    limit: int = parser_context["view"].max_body
    announced = parser_context["request"].META.get("CONTENT_LENGTH") or "0"
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLarge(limit)
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise BodyTooLarge(limit)
    return body


def loads(body: bytes) -> Any:
    """The value of a JSON text; raises MalformedJSON."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # orjson counts characters; for what can be told to a caller that is near enough.
        raise MalformedJSON(error.msg, error.pos) from None
    # Either can only be there if its mark is in the text, so most bodies are not walked.
    if b"\\u0000" in body or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check(value, depth=0)
    return value


def _check(value: Any, *, depth: int) -> None:
    if depth == MAX_DEPTH and isinstance(value, (dict, list)):
        raise MalformedJSON(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str) and "\0" in value:
        raise MalformedJSON("a string contains the character U+0000")
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth=depth)
            _check(item, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth=depth + 1)
