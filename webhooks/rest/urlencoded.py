"""Bodies of `application/x-www-form-urlencoded`, with lists and objects in brackets.

`events[]=a&events[]=b` is `{"events": ["a", "b"]}`, and `a[b]=c` is `{"a": {"b": "c"}}`,
as the qs library of Express and PHP read them. Every value is a string.
"""

import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, ClassVar
from urllib.parse import unquote, urlencode

from .bodies import BodyTooLarge, read
from .parsing import MAX_DEPTH, TOO_DEEP, Parser, RefusedValue, check

MAX_FIELDS = 1000  # of qs and of PHP
# With a greater index it is an object: nobody gets a list of 10,000 by `a[9999]=x`. A form
# of more fields may have indexes up to their number, as Express sets it.
MAX_INDEX = 99

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_INDEX = re.compile(r"0|[1-9][0-9]{0,3}", re.ASCII)


class TooManyFields(BodyTooLarge):
    """The form has more than `limit` fields."""


class Form(Parser):
    """Reads a form as qs does; raises RefusedValue, TooManyFields, and what `read` raises."""

    media_type = "application/x-www-form-urlencoded"
    # What a repeated name means: its last value, or the list of all.
    last_counts: ClassVar[bool] = False

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        body = read(stream, parser_context or {})
        return loads(body, last_counts=self.last_counts)

    @classmethod
    def written(cls, value: Any) -> str:
        return dumps(value)


class PhpForm(Form):
    last_counts = True


def loads(body: bytes, *, last_counts: bool = False) -> dict[str, Any]:
    """The fields of a form; raises RefusedValue or TooManyFields."""
    if body.count(b"&") >= MAX_FIELDS:
        raise TooManyFields(MAX_FIELDS)
    fields: dict[str, Any] = {}
    for field in body.decode(errors="replace").split("&"):
        name, _, value = field.partition("=")
        if steps := _steps(_decoded(name)):
            _put(fields, steps, _decoded(value), last_counts=last_counts)
    most = max(MAX_INDEX, body.count(b"&"))
    shaped = {name: _with_lists(value, most) for name, value in fields.items()}
    check(shaped)
    return shaped


def dumps(fields: Mapping[str, Any]) -> str:
    """A form that is read as these fields, with every value as a string."""
    return urlencode(list(_pairs(fields)))


def _pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case dict() | list() if value:
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for step, inner in items:
                yield from _pairs(inner, f"{name}[{step}]" if name else str(step))
        case bool():
            yield name, str(value).lower()
        case None | [] | {}:
            yield name, ""
        case _:
            yield name, str(value)


def _decoded(text: str) -> str:
    text = text.replace("+", " ")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text  # as qs leaves it


def _steps(name: str) -> list[str]:
    """`a[b][]` leads to `a`, then `b`, then the end of a list: `""`."""
    first = _BRACKETS.search(name)
    if first is None:
        return [name] if name else []
    before = name[: first.start()]
    return [*([before] if before else []), *_BRACKETS.findall(name)]


def _put(
    branch: dict[str, Any], steps: list[str], value: str, *, last_counts: bool
) -> None:
    if len(steps) > MAX_DEPTH:
        raise RefusedValue((steps[0],), TOO_DEEP)
    *before, last = steps
    for step in before:
        name = step or _free_index(branch)
        there = branch.get(name)
        if not isinstance(there, dict):
            there = {} if there is None or last_counts else {"0": there}
            branch[name] = there
        branch = there
    name = last or _free_index(branch)
    there = branch.get(name)
    if there is None or last_counts:
        branch[name] = value
    elif isinstance(there, dict):
        there[_free_index(there)] = value
    else:
        branch[name] = {"0": there, "1": value}


def _free_index(branch: dict[str, Any]) -> str:
    index = len(branch)
    while str(index) in branch:
        index += 1
    return str(index)


def _with_lists(value: Any, most: int) -> Any:
    """Makes a list of a branch whose names are all indexes up to `most`, in their order."""
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(each, most) for name, each in value.items()}
    if all(_INDEX.fullmatch(name) and int(name) <= most for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
