"""Before and after, field by field, in lines that were removed or added."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from webhooks.console import untrusted_text

MOST_COMPARED = 1_000
"""Lines of a field, on both sides together, that are compared in their order. That takes time
by the square of their number, and a partner decides how many there are."""


@dataclass(frozen=True)
class Line:
    kind: str  # removed, added or same
    text: str


@dataclass(frozen=True)
class Change:
    field: str
    lines: list[Line]


def of(before: Any, after: Any) -> list[Change]:
    """The fields that differ. A creation only adds, a deletion only removes."""
    former = before if isinstance(before, Mapping) else {}
    latter = after if isinstance(after, Mapping) else {}
    fields = [*former, *(f for f in latter if f not in former)]
    return [
        Change(field.replace("_", " "), list(_lines(former, latter, field)))
        for field in fields
    ]


def _lines(
    former: Mapping[str, Any], latter: Mapping[str, Any], field: str
) -> Iterator[Line]:
    before = _written(former[field]) if field in former else []
    after = _written(latter[field]) if field in latter else []
    yield from _compared(before, after)


def _compared(before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
    if len(before) + len(after) > MOST_COMPARED:
        were, are = set(before), set(after)
        yield from (Line("removed", text) for text in before if text not in are)
        for text in after:
            yield Line("same" if text in were else "added", text)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for act, first, last, start, end in matcher.get_opcodes():
        if act == "equal":
            yield from (Line("same", text) for text in before[first:last])
        else:
            yield from (Line("removed", text) for text in before[first:last])
            yield from (Line("added", text) for text in after[start:end])


def _written(value: Any) -> list[str]:
    """A value in lines; a list or an object has one for each of its parts."""
    if isinstance(value, str):
        text = untrusted_text.readable(value)
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = "\n".join(untrusted_text.readable(item) for item in value)
    else:
        # Not orjson: PostgreSQL spells a 1e30 out, and no integer of orjson's is as long.
        text = untrusted_text.readable(json.dumps(value, indent=2, ensure_ascii=False))
    return text.split("\n") or [""]
