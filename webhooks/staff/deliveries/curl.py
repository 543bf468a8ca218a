"""A request that was made, as a line to repeat it from a terminal."""

import shlex

from webhooks.models import Attempt

INLINE = 16 * 1024
"""Bytes of a body that stand in the line; a longer one is read from a file."""

FILE = "body.json"


def line(url: str, attempt: Attempt, body: bytes) -> str:
    """For a POSIX shell: the bytes and the headers as they were sent, signature included."""
    words = ["curl", "--globoff", "--include", "--request", "POST", url]
    for name, value in attempt.request_headers.items():
        words += ["--header", f"{name}: {value}"]
    text = _text(body)
    # Not --data, which takes a text that begins with @ for the name of a file.
    words += ["--data-binary", f"@{FILE}"] if text is None else ["--data-raw", text]
    return shlex.join(words)


def _text(body: bytes) -> str | None:
    try:
        return body.decode() if len(body) <= INLINE and b"\0" not in body else None
    except UnicodeDecodeError:
        return None
