"""What is stored of a receiver's answer. All of it is text from outside."""

from collections.abc import Iterable

from .result import Outcome

READ_LIMIT = 64 * 1024
"""Bytes that are read behind the head of an answer: its body, with what frames it. Most
answers are shorter, and their connection can be used again; the connection of a longer one
is closed."""

KEPT_BODY = 16 * 1024
"""Bytes of a body that are stored."""

KEPT_HEADERS = 8 * 1024
"""Bytes of response headers, names and values together, that are stored."""


def kept_headers(
    headers: Iterable[tuple[bytes, bytes]],
) -> tuple[tuple[str, str], ...]:
    """The headers that are stored, as text."""
    pairs = []
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        if size > KEPT_HEADERS:
            break
        # Latin-1 decodes every byte.
        pairs.append((name.decode("latin-1"), value.decode("latin-1")))
    return tuple(pairs)


def outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.OK
    if 300 <= status < 400:
        return Outcome.REDIRECT
    return Outcome.STATUS
