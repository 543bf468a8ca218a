"""Reads the bytes of a body up to a limit, and decompresses them for some interfaces."""

import codecs
import zlib
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions

# Content coding -> the format of its header and trailer, for zlib (RFC 9110, 8.4.1).
INFLATED = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class BodyTooLarge(Exception):
    """The body is longer than `limit` bytes, as it was sent or when it is inflated."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class UnknownCoding(exceptions.UnsupportedMediaType):
    """The interface does not decompress this Content-Encoding; `coding` names it."""

    def __init__(self, coding: str) -> None:
        super().__init__(coding)
        self.coding = coding


class Corrupt(Exception):
    """The body cannot be decompressed; `reason` is zlib's message."""

    position = 0

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(stream: IO[Any], parser_context: Mapping[str, Any]) -> bytes:
    """The body, inflated and without a byte order mark, as far as its view allows.

    A body whose Content-Length is over the limit is not read: waiting for it would hold a
    thread. Raises BodyTooLarge, UnknownCoding or Corrupt.
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
    """Stops one byte after `limit`, so that a compression bomb does no harm."""
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
