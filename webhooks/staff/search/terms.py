"""A search term that may stand in an address: never a key or a secret."""

import re
from uuid import UUID

from webhooks.models import ids, keyformat

LONGEST = 2048

# A key whose beginning was not copied along.
_BARE = re.compile(r"\b([0-9A-Za-z]{10})_[0-9A-Za-z]{20,}", re.ASCII)
# The beginnings of signing secrets, of those that have one.
_SECRET = re.compile(r"\b(?:whsec|tss)_\S{8,}")
_PREFIX = re.compile(r"(?:whk_)?([0-9A-Za-z]{3,10})_?", re.ASCII)


def reduced(text: str) -> str:
    """The term with only the beginning of a key, and without a secret."""
    text = text.replace("\0", "").strip()[:LONGEST]
    lookup = keyformat.lookup_within(text)
    if lookup is None and (bare := _BARE.search(text)):
        lookup = bare[1]
    if lookup is not None:
        return f"whk_{lookup}"
    return _SECRET.sub("", text).strip()


def as_id(term: str) -> UUID | None:
    """The id that was pasted, also with braces around it."""
    return ids.parse(term.strip("{}"))


def as_prefix(term: str) -> str | None:
    """What a key may begin with."""
    match = _PREFIX.fullmatch(term)
    return match and match[1]
