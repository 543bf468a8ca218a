"""The bytes of a request's body: bounded in size, and inflated where an interface does."""

import codecs
import zlib
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions

# Coding -> how zlib is told what stands around the data (RFC 9110, 8.4.1).
INFLATED = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class BodyTooLarge(Exception):
    """The body is longer than `limit` bytes, as it was sent or when it is inflated."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class UnknownCoding(exceptions.UnsupportedMediaType):
    """The body has a Content-Encoding that is not undone here; `coding` names it."""

    def __init__(self, coding: str) -> None:
        super().__init__(coding)
        self.coding = coding


class Corrupt(Exception):
    """What was sent as compressed is not; `reason` is in zlib's words."""

    position = 0

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(stream: IO[Any], parser_context: Mapping[str, Any]) -> bytes:
    """The body, inflated and without a byte order mark, as far as its view allows.

    What is announced as too long is not waited for: it would hold a thread. Raises
    BodyTooLarge, UnknownCoding or Corrupt.
    """
    view, headers = parser_context["view"], parser_context["request"].META
    limit: int = view.max_body
    announced = headers.get("CONTENT_LENGTH") or "0"
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLarge(limit)
    coding = headers.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    is_encoded = view.content_codings is not None and coding not in ("", "identity")
    if is_encoded and coding not in view.content_codings:
        raise UnknownCoding(coding)
    body: bytes = stream.read(limit + 1)
    if len(body) <= limit and is_encoded:
        body = _inflated(body, coding, limit=limit)
    if len(body) > limit:
        raise BodyTooLarge(limit)
    return body.removeprefix(codecs.BOM_UTF8)


def _inflated(body: bytes, coding: str, *, limit: int) -> bytes:
    """No more than a byte over `limit` is unpacked, so a bomb does no harm."""
    plain = b""
    while True:
        member = zlib.decompressobj(INFLATED[coding])
        try:
            plain += member.decompress(body, limit + 1 - len(plain))
        except zlib.error as error:
            raise Corrupt(str(error).rpartition(": ")[2]) from None
        if len(plain) > limit:
            return plain
        if not member.eof:
            raise Corrupt("unexpected end of file")
        body = member.unused_data
        if not body or coding != "gzip":  # gzip may be of several members
            return plain
