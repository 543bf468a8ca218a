"""Text from outside, for a page or a log: characters that hide text or reverse its direction are
replaced by their codes, and long text is cut.

The result is plain text. Templates escape it.
"""

import re
from typing import Any

import orjson

from webhooks.operations.hidden_characters import HIDDEN

SHOWN = 16 * 1024
"""Characters that a page shows of one text; the whole of it is there to download."""

# Values of a form are sent back by the browser, so they stay as they are.
_EDITED = re.compile(r'(<textarea\b.*?</textarea>|\bvalue="[^"]*")', re.DOTALL)


def readable(text: str) -> str:
    """The text with invisible characters replaced by their codes, cut if it is too long."""
    seen = HIDDEN.sub(code_of, text[:SHOWN].replace("\r\n", "\n"))
    if len(text) <= SHOWN:
        return seen
    return f"{seen}\n… {len(text) - SHOWN} more characters"


def in_one_line(text: str) -> str:
    return readable(text).replace("\n", r"\n")


def code_of(found: re.Match[str]) -> str:
    """The code of a hidden character, as a text."""
    code = ord(found.group())
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def of_page(html: str) -> str:
    """A whole page with invisible characters replaced by their codes, except in values of forms."""
    if HIDDEN.search(html) is None:
        return html
    parts = _EDITED.split(html.replace("\r\n", "\n"))
    parts[::2] = [HIDDEN.sub(code_of, part) for part in parts[::2]]
    return "".join(parts)


def of_bytes(content: bytes) -> str:
    return readable(content.decode(errors="replace"))


def indented(content: bytes) -> str:
    """Indented, if it is JSON."""
    try:
        return of_json(orjson.loads(content))
    except ValueError:
        return of_bytes(content)


def of_json(value: Any) -> str:
    return readable(to_edit(value))


def to_edit(value: Any) -> str:
    """Indented JSON for a field of a form: complete and unchanged."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def of_headers(headers: Any) -> str:
    """Headers as they are stored: a map of those sent, a list of pairs of those received."""
    pairs = headers.items() if isinstance(headers, dict) else headers
    try:
        return readable("\n".join(f"{name}: {value}" for name, value in pairs))
    except (TypeError, ValueError):  # of another shape: shown as it is
        return of_json(headers)
