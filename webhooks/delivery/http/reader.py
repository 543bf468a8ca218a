"""Reads an answer from its bytes, and bounds it. No sockets and no clock.

llhttp, the parser of Node, reads the syntax. It bounds nothing: it takes headers without
end, interim answers without end (`100 Continue`), chunks of one byte, chunk extensions and
trailers of any length. What it is given is therefore counted here, before it is given.

How the bytes were divided on their way never matters. A head is given to the parser up to
its blank line and no further, so what is counted as head and what as body does not depend
on where a packet ended. All bytes behind the head count as body, those that frame chunks
and trailers too.

What follows a complete answer, because a receiver counted characters in place of bytes, say,
is never read and ends the connection. It may arrive late, when the next request has been
sent: then it is passed over, up to the status line of the answer to that.
"""

import re
from dataclasses import dataclass

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from webhooks.delivery.answer import KEPT_BODY, READ_LIMIT

HEAD_LIMIT = 64 * 1024
"""Bytes of status lines and headers of one answer together, those of interim answers
included. Node, Apache and nginx send less than 16 KiB."""

HEADER_LIMIT = 8 * 1024
"""Bytes of one header, name and value."""

HEADER_COUNT = 100
"""Headers of one answer, those of interim answers included."""

INTERIM_COUNT = 10
"""Interim answers (`100 Continue`, `103 Early Hints`). Nobody asked for any of them."""

_STATUS_LINE = b"HTTP/"
_BLANK_LINE = re.compile(rb"\n\r?\n")
_SWITCHING_PROTOCOLS = 101


class BadAnswer(Exception):
    """What came is no answer that can be read to its end. The text says why."""


@dataclass(slots=True)
class Answer:
    """A complete answer, or one whose body was cut at the limit."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    """The part that is stored."""


class _Surplus(Exception):
    """Something follows the answer."""


class AnswerReader:
    """Reads one answer after the other from one connection; `start` before each.

    After an answer that `is_last` the reader cannot be used again.
    """

    __slots__ = (
        "_body",
        "_body_left",
        "_has_head",
        "_has_surplus",
        "_head_left",
        "_headers",
        "_interim",
        "_is_framed",
        "_is_over",
        "_is_passing",
        "_parser",
        "_seen",
        "_status",
        "_tail",
        "is_last",
    )

    def __init__(self) -> None:
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # What is common and harmless: control characters and folded lines in headers,
        # lines that end with LF alone, spaces after the size of a chunk. Not what would let
        # two readers disagree about where an answer ends.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._reset(is_first=True)

    def start(self) -> None:
        """Be ready for the next answer."""
        self._reset(is_first=not (self._status or self._is_passing))

    def _reset(self, *, is_first: bool) -> None:
        # What follows the last answer may still be on its way.
        self._is_passing = not is_first
        self._has_surplus = False
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._has_head = False
        self._is_over = False
        self._is_framed = False  # by a length or by chunks, not by the connection's end
        self._head_left = HEAD_LIMIT
        self._body_left = READ_LIMIT
        self._seen = 0  # headers
        self._interim = 0
        self._tail = b""  # the last bytes, in which what is looked for may begin
        self.is_last = False

    def feed(self, data: bytes) -> Answer | None:
        """The answer, once `data` has completed it. Raises BadAnswer."""
        if self._is_passing:
            data = self._pass_over(data)
        while data and not self._has_head:
            data = self._feed_head(data)
        if not self._is_over and data:
            data = self._feed_body(data)
        if not self._is_over:
            return None
        if data:
            self.is_last = True
        return self._answer()

    def end(self) -> Answer:
        """The answer that the end of the connection completes. Raises BadAnswer."""
        self.is_last = True
        if not self._has_head:
            raise BadAnswer("the connection was closed before the answer")
        if self._is_framed:
            raise BadAnswer("the connection was closed within the answer")
        return self._answer()

    def close(self) -> None:
        """Break the cycle with the parser, which only the garbage collector would free."""
        self._parser = None

    def _answer(self) -> Answer:
        return Answer(self._status, self._headers, bytes(self._body))

    def _pass_over(self, data: bytes) -> bytes:
        """What begins with the status line, of an answer that is not the first."""
        seen = self._tail + data
        start = seen.find(_STATUS_LINE)
        self._is_passing = start < 0
        passed = start if start >= 0 else max(0, len(seen) - len(_STATUS_LINE) + 1)
        self._has_surplus |= passed > 0
        self._head_left -= passed
        if self._head_left < 0:
            raise BadAnswer(f"no status line within {HEAD_LIMIT} bytes")
        self._tail = seen[passed:] if self._is_passing else b""
        return b"" if self._is_passing else seen[passed:]

    def _feed_head(self, data: bytes) -> bytes:
        """Read the head up to its blank line; the bytes that follow it."""
        seen = self._tail + data
        blank_line = _BLANK_LINE.search(seen)
        end = blank_line.end() - len(self._tail) if blank_line else len(data)
        head, rest = data[:end], data[end:]
        self._tail = b"" if blank_line else seen[-2:]
        if end > self._head_left:
            self._parse(head[: self._head_left])  # for an error that comes before
            raise BadAnswer(f"the head is longer than {HEAD_LIMIT} bytes")
        self._head_left -= end
        self._parse(head)
        return rest

    def _feed_body(self, data: bytes) -> bytes:
        """Read up to the limit; the bytes that were not read."""
        piece, rest = data[: self._body_left], data[self._body_left :]
        self._body_left -= len(piece)
        self._parse(piece)
        if not self._is_over and not self._body_left:
            self._is_over = self.is_last = True
        return rest

    def _parse(self, data: bytes) -> None:
        assert self._parser is not None  # noqa: S101  (`close` is the end of the reader)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._is_over = self.is_last = True
        except HttpParserError as error:
            if self._is_over:
                self.is_last = True
                return
            ours = error.__context__
            text = str(ours) if isinstance(ours, BadAnswer) else str(error)
            raise BadAnswer(text) from None

    # What the parser finds.

    def on_message_begin(self) -> None:
        if self._is_over:
            raise _Surplus

    def on_header(self, name: bytes, value: bytes) -> None:
        self._seen += 1
        if self._seen > HEADER_COUNT:
            raise BadAnswer(f"more than {HEADER_COUNT} headers")
        if len(name) + len(value) > HEADER_LIMIT:
            raise BadAnswer(f"a header is longer than {HEADER_LIMIT} bytes")
        if b"\0" in value:
            raise BadAnswer("a header has a NUL character in it")
        if self._has_head:
            return  # a trailer
        lowered = name.lower()
        if lowered == b"content-length":
            self._is_framed = True
        elif lowered == b"transfer-encoding":
            self._is_framed = value.rstrip().lower().endswith(b"chunked")
        self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        assert self._parser is not None  # noqa: S101
        self._status = self._parser.get_status_code()
        if 100 <= self._status < 200 and self._status != _SWITCHING_PROTOCOLS:
            self._interim += 1
            if self._interim > INTERIM_COUNT:
                raise BadAnswer(f"more than {INTERIM_COUNT} interim answers")
            self._headers = []
            self._is_framed = False
        else:
            self._has_head = True
            self.is_last = self._has_surplus or not self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        if not self._has_head:
            raise BadAnswer("an interim answer has a body")
        room = KEPT_BODY - len(self._body)
        if room > 0:
            self._body += data[:room]

    def on_message_complete(self) -> None:
        # Of an interim answer only its head counts.
        self._is_over = self._has_head
