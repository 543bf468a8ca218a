"""Text from outside, made fit to be read: cut, and with nothing that hides or turns it.

Escaping is the templates' business; what comes from here is plain text.
"""

import re
from typing import Any

import orjson

SHOWN = 16 * 1024
"""Characters that a page shows of one text; the whole of it is there to download."""

# Controls but for tab and line feed, and what reverses the direction of writing.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def readable(text: str) -> str:
    """The text with unseen characters named, cut where it is too long."""
    seen = _UNSEEN.sub(
        lambda m: f"\\u{ord(m.group()):04x}", text[:SHOWN].replace("\r\n", "\n")
    )
    if len(text) <= SHOWN:
        return seen
    return f"{seen}\n… {len(text) - SHOWN} more characters"


def of_bytes(content: bytes) -> str:
    return readable(content.decode(errors="replace"))


def indented(content: bytes) -> str:
    """JSON in lines of its own; what is no JSON as it is."""
    try:
        return of_json(orjson.loads(content))
    except ValueError:
        return of_bytes(content)


def of_json(value: Any) -> str:
    return readable(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def of_headers(headers: Any) -> str:
    """Headers as they are stored: a map of those sent, a list of pairs of those received."""
    pairs = headers.items() if isinstance(headers, dict) else headers
    return readable("\n".join(f"{name}: {value}" for name, value in pairs))
