"""One request as it arrives, until all of it is here that anybody reads.

The names of its callbacks are those of httptools, which is node's parser: strict about where a
request ends, so that no proxy in front can be of another opinion.
"""

from collections.abc import Callable
from http import HTTPStatus

import httptools

from . import limits
from .messages import Head

OVERHEAD = 32
"""Bytes that may come with each byte of a body, as one in a chunk of its own comes with five."""

HEADER_MEMORY = 200
"""Bytes that each header takes beside those that it is made of."""


class Incoming:
    """`longest_body` says how much the view at a path reads; None: no view says it."""

    def __init__(self, longest_body: Callable[[bytes], int | None]) -> None:
        self._longest_body = longest_body
        self._parser = httptools.HttpRequestParser(self)
        self._limit = limits.BODY
        self.head = Head()
        self.body = bytearray()
        self.size = 0
        """Of the body, as far as it has come."""
        self.length = 0
        """Of the body: as announced; and of a whole one, as it is."""
        self.overhead = 0
        """Bytes that are not of the body; 0: nothing has come yet."""
        self.in_body = False
        self._is_skipping = False
        self.expects_continue = False
        self.is_whole = False
        """Nothing more is read of it."""
        self.is_last = False
        """What follows it on its connection cannot be read as another request."""
        self.refusal: tuple[HTTPStatus, str] | None = None

    @property
    def held(self) -> int:
        """The bytes of memory that it takes, roughly."""
        return self.overhead + HEADER_MEMORY * len(self.head.headers) + self.size

    def feed(self, data: memoryview) -> None:
        """The next bytes of the connection."""
        before = self.size
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST, "This is not a request of HTTP/1.1.")
        self.overhead += len(data) - (self.size - before)
        # What follows a whole request came with it, and is none of its headers.
        overhead = self.head.size if self.is_whole else self.overhead
        if overhead > limits.HEAD + OVERHEAD * self.size:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"The headers are longer than {limits.HEAD} bytes.",
            )

    def _parse(self, data: memoryview) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # Clients that offer HTTP/2 in clear are answered in HTTP/1.1. The parser takes the body
            # for the other protocol, so another one reads it, without that offer.
            rest = data[upgrade.args[0] :]
            if self._is_skipping:
                self._is_skipping = False
                self._parser = httptools.HttpRequestParser(_Rest(self))
                self._parser.feed_data(_without_upgrade(self.head))
                self._parse(rest)
            elif rest:
                self.is_last = True

    # --- httptools: all within one `feed` ---------------------------------------------

    def on_message_begin(self) -> None:
        if self.is_whole:
            self.is_last = True  # a second request in the same bytes; it is not read

    def on_url(self, url: bytes) -> None:
        if not self.is_whole:
            self.head.target += url
            self.head.method = self._parser.get_method().decode("ascii")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_body or self.is_whole:
            return  # a trailer, which nobody reads
        self.head.headers.append((name, value))
        if len(self.head.headers) > limits.HEADERS:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"There are more than {limits.HEADERS} headers.",
            )

    def on_headers_complete(self) -> None:
        if self.is_whole:
            return
        head = self.head
        head.version = self._parser.get_http_version()
        lengths = head.values(b"content-length")
        is_chunked = bool(head.values(b"transfer-encoding"))
        if head.version not in ("1.0", "1.1"):
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Use HTTP/1.1.")
        elif head.method == "CONNECT":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "This is no proxy.")
        elif not head.parts()[0]:
            self._refuse(HTTPStatus.BAD_REQUEST, "This is no path.")
        elif is_chunked and (lengths or head.version == "1.0"):
            # Two lengths: a proxy in front may have read the other one.
            self._refuse(HTTPStatus.BAD_REQUEST, "The length of the body is not clear.")
        self.length = int(lengths[0]) if lengths else 0
        if self.length or is_chunked:
            self.in_body = True
            self._is_skipping = self._parser.should_upgrade()
            self._check_length(self.length)
            expected = [each.lower() for each in head.values(b"expect")]
            self.expects_continue = (
                b"100-continue" in expected and head.version == "1.1"
            )

    def on_body(self, body: bytes) -> None:
        if not self.is_whole:
            self.body += body
            self.size += len(body)
            self._check_length(self.size)

    def on_message_complete(self) -> None:
        if not (self.is_whole or self._is_skipping):
            self.length = self.size
            self.is_whole = True
            self.is_last = self.is_last or not self._parser.should_keep_alive()

    def _check_length(self, length: int) -> None:
        """Stop at a body that is too long. Its view gets what there is, and is the one to refuse
        it; the rest would be read as the next request, so that none follows."""
        if length <= self._limit:
            return
        allowed = self._longest_body(self.head.path)
        if allowed is None:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The body is longer than {self._limit} bytes.",
            )
        self._limit = max(self._limit, allowed or 0)
        if length > self._limit:
            self.length = length
            self.is_whole = self.is_last = True

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """The first one counts."""
        self.refusal = self.refusal or (status, reason)
        self.is_whole = self.is_last = True


class _Rest:
    """What is left to be parsed when the head has been: the body."""

    def __init__(self, incoming: Incoming) -> None:
        self.on_body = incoming.on_body
        self.on_message_complete = incoming.on_message_complete


def _without_upgrade(head: Head) -> bytes:
    framing = {b"content-length", b"transfer-encoding"}
    kept = [b": ".join(pair) for pair in head.headers if pair[0].lower() in framing]
    return b"\r\n".join([b"POST / HTTP/1.1", *kept, b"", b""])
