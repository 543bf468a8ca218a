"""What is read and kept of a receiver's answer. All of it is a stranger's."""

import aiohttp

from .result import Outcome

READ_LIMIT = 64 * 1024
"""Bytes read of a body. Most receivers answer less, and then the connection stays
usable; one that answers more is cut off there."""

KEPT_BODY = 16 * 1024
"""Bytes of a body that are worth storing."""

KEPT_HEADERS = 8 * 1024
"""Bytes of response headers, names and values together, that are worth storing."""


async def read(response: aiohttp.ClientResponse) -> bytes:
    """The body as far as it is kept; the connection is freed, or cut if there is more."""
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
        # Latin-1 reads every byte; the answer's own idea of its text is not needed.
        pairs.append((name.decode("latin-1"), value.decode("latin-1")))
    return tuple(pairs)


def outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.OK
    if 300 <= status < 400:
        return Outcome.REDIRECT
    return Outcome.STATUS
