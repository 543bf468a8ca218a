"""Reads a receiver's answer, and limits the part that is stored. All of it is text from outside."""

import aiohttp

from .result import Outcome

READ_LIMIT = 64 * 1024
"""Bytes that are read of a body. Most answers are shorter, and their connection can be used
again; the connection of a longer one is closed."""

KEPT_BODY = 16 * 1024
"""Bytes of a body that are stored."""

KEPT_HEADERS = 8 * 1024
"""Bytes of response headers, names and values together, that are stored."""


async def read(response: aiohttp.ClientResponse) -> bytes:
    """The part of the body that is stored. Frees the connection, or closes it if the body is
    longer than the read limit."""
    kept = bytearray()
    size = 0
    while size <= READ_LIMIT:
        chunk = await response.content.readany()
        if not chunk:
            response.release()
            break
        size += len(chunk)
        kept += chunk[: KEPT_BODY - len(kept)]
    else:
        response.close()
    return bytes(kept)


def kept_headers(response: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    pairs = []
    size = 0
    for name, value in response.raw_headers:
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
