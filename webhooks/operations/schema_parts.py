"""The subschemas of a JSON Schema, and which value each is applied to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from . import schema_numbers

MAX_PARTS = 1_000
"""Subschemas that differ."""

MAX_PATTERNS = 50

MAX_PATTERN_BYTES = 64 * 1024
"""Of a regular expression, compiled: the time to match is this times the text's length."""

_PATTERN_STEPS = ((1 << 10, 8), (1 << 12, 32), (1 << 14, 125), (MAX_PATTERN_BYTES, 400))
"""(bytes of a compiled pattern, the steps that it counts for); measured: see ADR 21."""

_SAME_VALUE = ("not", "if", "then", "else")
_SAME_VALUE_LISTS = ("allOf", "anyOf", "oneOf")
_SAME_VALUE_MAPS = ("dependentSchemas", "dependencies")
_ANY_MEMBER = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_ANY_ITEM = ("items", "additionalItems", "unevaluatedItems", "contains")
_ROOT = "urn:schema"


class Broken(Exception):
    """It is no JSON Schema, or means nothing: no engine could check data by it."""


class Unsupported(Exception):
    """It may be a JSON Schema, but data is not checked by it: that could take too long."""


class Key(NamedTuple):
    """Of a part: the same text under the same base refers to the same things."""

    base: str
    text: bytes


@dataclass(eq=False)
class Part:
    """One subschema, and the subschemas that it applies to the same value or below it."""

    steps: int
    numbers: int = 0
    """What a comparison of a fraction with the numbers of its keywords weighs."""
    fractions: int = 0
    """The same of an integer, which takes long with fractions only."""
    same_value: list[Key] = field(default_factory=list)
    members: dict[str, Key] = field(default_factory=dict)
    any_member: list[Key] = field(default_factory=list)
    positions: list[Key] = field(default_factory=list)
    any_item: list[Key] = field(default_factory=list)

    def member(self, name: str | None) -> list[Key]:
        """What applies to the member of this name; None: to any that has no part."""
        known = None if name is None else self.members.get(name)
        return [*self.any_member, known] if known else self.any_member

    def item(self, position: int | None) -> list[Key]:
        """What applies to the item at this position; None: to any after the others."""
        if position is None or position >= len(self.positions):
            return self.any_item
        return [*self.any_item, self.positions[position]]


class Parts:
    """The parts of one schema, by key, and the key of the whole."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Raises Broken and Unsupported."""
        # Takes a tenth of a second to import, which most processes need not spend.
        from jsonschema_rs import ReferencingError, Registry

        self._parts: dict[Key, Part] = {}
        self._patterns: dict[str, int] = {}
        self._unread: list[tuple[Part, Any, dict[str, Any]]] = []
        try:
            registry = Registry([(_ROOT, schema)], retriever=_refuse)
            found = registry.resolver(_ROOT).lookup("")
            self.root = self._read(found.resolver, found.contents)
            while self._unread:  # references may lead from one to the next for long
                self._fill(*self._unread.pop())
        except (ReferencingError, ValueError) as error:
            raise Broken(f"A reference leads nowhere: {error}"[:300]) from None

    def __getitem__(self, key: Key) -> Part:
        return self._parts[key]

    def _read(self, resolver: Any, schema: Any) -> Key:
        if isinstance(schema, dict):
            resolver = _own_base(resolver, schema)
        key = Key(resolver.base_uri, orjson.dumps(schema))
        if key in self._parts:
            return key
        if len(self._parts) >= MAX_PARTS:
            raise Unsupported(f"It has more than {MAX_PARTS:,} subschemas.")
        part = self._parts[key] = Part(steps=1)
        if isinstance(schema, dict):
            self._unread.append((part, resolver, schema))
        return key

    def _fill(self, part: Part, resolver: Any, schema: dict[str, Any]) -> None:
        def read(found: Iterable[Any]) -> list[Key]:
            parts = (one for one in found if isinstance(one, dict | bool))
            return [self._read(resolver, one) for one in parts]

        part.steps = self._steps(schema)
        part.numbers, part.fractions = schema_numbers.of(schema)
        part.same_value = [
            *self._referred(resolver, schema),
            *read(schema.get(name) for name in _SAME_VALUE),
            *read(one for n in _SAME_VALUE_LISTS for one in _list(schema, n)),
            *read(one for n in _SAME_VALUE_MAPS for one in _map(schema, n).values()),
        ]
        properties = _map(schema, "properties")
        part.members = dict(zip(properties, read(properties.values()), strict=False))
        part.any_member = read(schema.get(name) for name in _ANY_MEMBER)
        for pattern, child in _map(schema, "patternProperties").items():
            part.any_member += [*read((child,)), self._read_pattern(pattern)]
        part.positions = read((*_list(schema, "prefixItems"), *_list(schema, "items")))
        part.any_item = read(schema.get(name) for name in _ANY_ITEM)
        if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
            # The engine asks each of these again what it has looked at.
            part.same_value *= 2
            part.any_item *= 2

    def _steps(self, schema: dict[str, Any]) -> int:
        """Of the keywords of this part alone."""
        compared = (schema[name] for name in ("enum", "const") if name in schema)
        pattern = schema.get("pattern")
        return (
            len(schema)
            + sum(_compared(value) for value in compared)
            + (self._steps_of(pattern) if isinstance(pattern, str) else 0)
        )

    def _referred(self, resolver: Any, schema: dict[str, Any]) -> Iterator[Key]:
        for name in ("$dynamicRef", "$recursiveRef"):
            if name in schema:
                raise Unsupported(f"{name} is not followed: use $ref.")
        if isinstance(reference := schema.get("$ref"), str):
            found = resolver.lookup(reference)
            yield self._read(found.resolver, found.contents)

    def _read_pattern(self, pattern: str) -> Key:
        """A part of its own: it is matched with the name of each member."""
        key = Key("pattern", pattern.encode())
        self._parts[key] = Part(steps=self._steps_of(pattern))
        return key

    def _steps_of(self, pattern: str) -> int:
        if pattern not in self._patterns:
            if len(self._patterns) >= MAX_PATTERNS:
                raise Unsupported(f"It has more than {MAX_PATTERNS} patterns.")
            self._patterns[pattern] = _steps_of(pattern)
        return self._patterns[pattern]


def _steps_of(pattern: str) -> int:
    from jsonschema_rs import FancyRegexOptions, RegexOptions

    for size, steps in _PATTERN_STEPS:
        if _compiles(pattern, RegexOptions(size_limit=size)):
            return steps
    if _compiles(pattern, FancyRegexOptions()):
        raise Unsupported(
            f"The pattern {pattern[:100]!r} takes too long. It may have no look-around and "
            "no backreference, and few counted repetitions: maxLength counts for less."
        )
    raise Broken(f"The pattern {pattern[:100]!r} is no regular expression.")


def _compiles(pattern: str, options: Any) -> bool:
    from jsonschema_rs import ValidationError, validator_for

    try:
        validator_for({"pattern": pattern}, pattern_options=options, offline=True)
    except ValidationError:
        return False
    return True


def _own_base(resolver: Any, schema: dict[str, Any]) -> Any:
    """The resolver of a subschema that names itself."""
    for name in ("$id", "id"):
        named = schema.get(name)
        if isinstance(named, str) and not named.startswith("#"):
            return resolver.lookup(named).resolver
    return resolver


def _map(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return found if isinstance(found := schema.get(name), dict) else {}


def _list(schema: dict[str, Any], name: str) -> list[Any]:
    return found if isinstance(found := schema.get(name), list) else []


def _compared(value: Any) -> int:
    """The steps that a comparison takes: strings alone are found by hash."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return 0
    children: Iterable[Any] = ()
    if isinstance(value, dict):
        children = value.values()
    elif isinstance(value, list):
        children = value
    return 1 + sum(_compared(child) for child in children)


def _refuse(uri: str) -> Any:
    """Nothing is fetched, whatever a schema refers to."""
    raise LookupError(uri)
