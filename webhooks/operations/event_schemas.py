"""Checks the data of events against the JSON Schemas of their types, within a budget.

A schema is refused when it is saved if checking by it could take long (see `schema_budget`).
One that was stored before there was this budget checks nothing: its events are published as
those of a type without a schema, and the dashboard names the type.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast

from webhooks.models import EventType, prepared

from . import schema_budget, schema_numbers
from .schema_budget import depth
from .schema_parts import MAX_PATTERN_BYTES, Broken, Unsupported

_DRAFTS = (
    "http://json-schema.org/draft-04/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
)

MAX_KEPT = 128
"""Compiled schemas that a process keeps."""

MAX_MESSAGE = 300
"""Characters of what is told of an error."""

MAX_PLACE = 200
"""Characters of where an error is."""

_MAX_SEARCHED = 128 * 1024
_MAX_SEARCHED_DEPTH = 16
"""Bytes times levels, and levels, of data in which an error is looked for by alternatives.

The engine copies the value at each level for what each alternative refuses, and goes down on
the stack of its thread, which may have 2 MiB.
"""

__all__ = [
    "Broken",
    "Fault",
    "Mismatch",
    "Schema",
    "Unsupported",
    "depth",
    "dotted",
    "fault",
    "json_path",
    "of",
    "unusable",
]

log = logging.getLogger(__name__)


class Mismatch(Exception):
    """The data does not satisfy the schema: `path` into the data, and a `message`."""

    def __init__(self, path: Sequence[str | int], message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True)
class Fault:
    """Why the schema of a type cannot be used; `refuses`: nothing can be published then."""

    reason: str
    refuses: bool


class Schema:
    """A compiled schema. Immutable, so that threads may share it."""

    def __init__(self, schema: Any) -> None:
        """Raises Broken and Unsupported."""
        if not isinstance(schema, dict):
            raise Broken("A JSON Schema is an object.")
        if str(schema.get("$schema", _DRAFTS[-1])).rstrip("#") not in _DRAFTS:
            raise Unsupported(
                "Its $schema is none of drafts 4, 6, 7, 2019-09, 2020-12."
            )
        self._numbers, self._fractions = schema_budget.check(schema)
        # Takes a tenth of a second to import, which most processes need not spend.
        from jsonschema_rs import RegexOptions, ValidationError, validator_for

        linear = RegexOptions(size_limit=MAX_PATTERN_BYTES, dfa_size_limit=64 * 1024)
        try:
            self._validator = validator_for(
                schema, pattern_options=linear, validate_formats=False, offline=True
            )
        except ValidationError as error:
            place = json_path(error.instance_path)
            raise Broken(f"{place}: {error.message[:MAX_MESSAGE]}") from None
        except ValueError as error:
            raise Broken(str(error)[:MAX_MESSAGE]) from None
        text = orjson.dumps(schema)
        self._has_alternatives = b'"anyOf"' in text or b'"oneOf"' in text

    def check(self, data: Any) -> None:
        """Raises Mismatch."""
        from jsonschema_rs import ValidationError

        weight = self._numbers and schema_numbers.weight(
            data, self._numbers, self._fractions
        )
        if weight > schema_numbers.MOST:
            raise Mismatch((), "It has too many numbers for so many in the schema.")
        try:
            if self._validator.is_valid(data):
                return
            if self._has_alternatives and _is_long(data):
                raise Mismatch((), "None of the alternatives of the schema allows it.")
            self._validator.validate(data)
        except ValidationError as error:
            message = error.message[:MAX_MESSAGE]
            raise Mismatch(error.instance_path, message) from None
        except ValueError as error:  # such as data nested deeper than it reads
            raise Mismatch((), str(error)[:MAX_MESSAGE]) from None


_OF = (
    "SELECT t.name, CAST(t.schema AS text) FROM webhooks_eventtype AS t"
    " WHERE t.schema IS NOT NULL AND t.name {}"
)


def of(types: set[str]) -> dict[str, Schema | Broken]:
    """The schemas of these types; Broken where nothing can satisfy it. One SELECT.

    A type that has none, or one that is Unsupported, is left out.
    """
    found = {}
    with prepared.cursor() as cursor:
        cursor.execute(
            _OF.format(prepared.AMONG[connection.vendor]), [prepared.among(types)]
        )
        rows = cursor.fetchall()
    for name, text in rows:
        schema = _compiled(text)
        if isinstance(schema, Unsupported):
            log.warning("the schema of %s is not checked: %s", name, schema)
        else:
            found[name] = schema
    return found


def fault(schema: Any) -> Fault | None:
    """What is wrong with a stored schema, if anything is."""
    return None if schema is None else _fault(orjson.dumps(schema).decode())


def unusable() -> list[tuple[str, Fault]]:
    """The types whose schemas cannot be used, by name. One SELECT."""
    rows = ((name, _fault(text)) for name, text in _texts().order_by("name"))
    return [(name, found) for name, found in rows if found]


def json_path(path: Sequence[str | int]) -> str:
    """A path as JSONPath writes it, bounded: `$.lines[0].id`."""
    steps = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return ("$" + "".join(steps))[:MAX_PLACE]


def dotted(path: Sequence[str | int]) -> str:
    """A path as the fields of a refusal are written, bounded: `data.lines.0.id`."""
    return ".".join(("data", *(str(part) for part in path)))[:MAX_PLACE]


def _texts() -> Any:
    """(name, schema as text) of the types that have one: the text is the key of what is
    kept of it, in every process, so that a change holds at once."""
    return EventType.objects.filter(schema__isnull=False).values_list(
        "name", Cast("schema", TextField())
    )


@lru_cache(maxsize=MAX_KEPT)
def _compiled(text: str) -> Schema | Broken | Unsupported:
    try:
        return Schema(orjson.loads(text))
    except (Broken, Unsupported) as refusal:
        return refusal


_MAX_FAULTS = 10_000
_faults: dict[bytes, Fault | None] = {}
"""By the SHA-256 of the schema: of more schemas than are kept compiled."""


def _fault(text: str) -> Fault | None:
    key = hashlib.sha256(text.encode()).digest()
    if key not in _faults:
        schema = _compiled(text)
        if len(_faults) >= _MAX_FAULTS:
            _faults.clear()
        is_usable = isinstance(schema, Schema)
        _faults[key] = (
            None if is_usable else Fault(str(schema), isinstance(schema, Broken))
        )
    return _faults[key]


def _is_long(data: Any) -> bool:
    levels = depth(data)
    return (
        levels > _MAX_SEARCHED_DEPTH or len(orjson.dumps(data)) * levels > _MAX_SEARCHED
    )
