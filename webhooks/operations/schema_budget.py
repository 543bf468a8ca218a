"""What it may cost to check data by a JSON Schema, counted before any data is seen.

The engine matches regular expressions in linear time and compares unique items by hash. What
is left is how often it looks at one value: `allOf` of two references to the same thing, which
does so again, looks 2^n times. So the schema is read as a tree automaton: a state is how many
times each of its parts is applied to one value, and a name or a position leads to the state of
the value found there. No state may cost more than MAX_STEPS, whatever the data.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from .schema_parts import Broken, Key, Parts, Unsupported

MAX_BYTES = 64 * 1024
"""Of the schema, as JSON."""

MAX_DEPTH = 32
"""Of the JSON of the schema."""

MAX_CHAIN = 16
"""References and alternatives, one inside the other, that lead to the same value."""

MAX_STEPS = 500
"""Keywords that are looked at for one value. An event has some 130,000 values at most."""

MAX_WORK = 200_000
"""Of the count itself: parts looked at."""


def check(schema: dict[str, Any]) -> tuple[int, int]:
    """The most that its numbers, and its fractions, weigh for one value: see `schema_numbers`.

    Raises Broken and Unsupported, with the reason in words. Takes at most some 0.2 s."""
    try:
        length = len(orjson.dumps(schema))
    except TypeError as error:
        raise Broken(f"It cannot be stored as JSON: {error}.") from None
    if length > MAX_BYTES:
        raise Unsupported(f"It is longer than {MAX_BYTES // 1024} KiB.")
    if depth(schema) > MAX_DEPTH:
        raise Unsupported(f"It is nested deeper than {MAX_DEPTH} levels.")
    count = _Count(schema)
    count.check()
    return count.numbers, count.fractions


def depth(value: Any) -> int:
    """Levels of a JSON value: 0 for text, 1 for a flat object."""
    levels, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list | tuple)]:
        levels += 1
        level = [
            child
            for one in level
            for child in (one.values() if isinstance(one, dict) else one)
        ]
    return levels


class _Count:
    """The parts of one schema, and the states that they can meet in."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._parts = Parts(schema)
        self._closures: dict[Key, Counter[Key] | None] = {}
        self._work = 0
        self.numbers = self.fractions = 0

    def check(self) -> None:
        """Visit every state that data can lead to."""
        start = self._applied(((self._parts.root, 1),))
        seen, waiting = {frozenset(start.items())}, [start]
        while waiting:
            for state in self._next(waiting.pop()):
                known = frozenset(state.items())
                if known not in seen:
                    seen.add(known)
                    waiting.append(state)

    def _next(self, state: Counter[Key]) -> Iterator[Counter[Key]]:
        parts = [(self._parts[key], count) for key, count in state.items()]
        names = {name for part, _ in parts for name in part.members}
        for name in (*sorted(names), None):
            self._spend(len(parts))
            yield self._applied((k, n) for part, n in parts for k in part.member(name))
        longest = max((len(part.positions) for part, _ in parts), default=0)
        for position in (*range(longest), None):
            self._spend(len(parts))
            yield self._applied(
                (k, n) for part, n in parts for k in part.item(position)
            )

    def _applied(self, keys: Iterable[tuple[Key, int]]) -> Counter[Key]:
        """The state of a value that these parts are applied to."""
        state: Counter[Key] = Counter()
        for key, times in keys:
            for part, count in self._closure(key).items():
                state[part] += times * count
        self._spend(len(state))
        self._bound(state)
        return state

    def _closure(self, key: Key, chain: int = 0) -> Counter[Key]:
        """The part and all that it applies to the same value, each with how many times."""
        if key in self._closures:
            if (known := self._closures[key]) is None:
                raise Broken("A reference leads back to itself without going deeper.")
            return known
        if chain > MAX_CHAIN:
            raise Unsupported(f"More than {MAX_CHAIN} references lead to one another.")
        self._closures[key] = None
        closure = Counter((key,))
        for child in self._parts[key].same_value:
            closure.update(self._closure(child, chain + 1))
            self._spend(len(closure))
            self._bound(closure)
        self._closures[key] = closure
        return closure

    def _bound(self, state: Counter[Key]) -> None:
        parts = [(self._parts[key], count) for key, count in state.items()]
        self.numbers = max(self.numbers, sum(p.numbers * n for p, n in parts))
        self.fractions = max(self.fractions, sum(p.fractions * n for p, n in parts))
        if sum(part.steps * n for part, n in parts) > MAX_STEPS:
            raise Unsupported(
                f"It may look at one value more than {MAX_STEPS} times: fewer "
                "alternatives, patterns or references to the same value are needed."
            )

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise Unsupported("It refers to itself in too many ways to be counted.")
