"""Before and after, field by field, in lines that were taken away or added."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import ndiff
from typing import Any

import orjson

from . import texts

_MARKS = {"- ": "gone", "+ ": "new", "  ": "same"}


@dataclass(frozen=True)
class Line:
    kind: str  # gone, new or same
    text: str


@dataclass(frozen=True)
class Change:
    field: str
    lines: list[Line]


def of(before: Any, after: Any) -> list[Change]:
    """The fields that differ. A creation has only what is new, a deletion what is gone."""
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
    for line in ndiff(before, after):
        if kind := _MARKS.get(line[:2]):  # not the hints on where a line differs
            yield Line(kind, line[2:])


def _written(value: Any) -> list[str]:
    """A value in lines; a list or an object has one for each of its parts."""
    if isinstance(value, str):
        text = texts.readable(value)
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = "\n".join(texts.readable(item) for item in value)
    else:
        text = texts.readable(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
    return text.split("\n") or [""]
