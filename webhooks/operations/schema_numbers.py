"""What it costs to compare the numbers of an event with those of a JSON Schema.

The engine compares exactly, with numbers of any length, which takes a microsecond where another
keyword takes ten nanoseconds, and more for `1e-300`. Whether that adds up to minutes is in the
data, so it is counted there: a schema with a hundred numbers is usual, and so is an event with
thousands of fractions.
"""

from collections.abc import Iterator
from typing import Any

MOST = 1_000_000
"""Of what the comparisons of an event weigh: 1 is about a microsecond."""

_LEAST_DIGITS, _MOST_DIGITS = 1e-30, 1e30
_LONG = 40
"""The weight of a fraction with more digits before or behind its point."""

_MULTIPLE = 3
"""`multipleOf` divides."""

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def of(schema: dict[str, Any]) -> tuple[int, int]:
    """Of the keywords of this schema alone: the weight of its numbers, and of its fractions."""
    numbers = [
        (number, _MULTIPLE if name == "multipleOf" else 1)
        for name in (*_BOUNDS, "const", "enum")
        if name in schema
        for number in _numbers(schema[name])
    ]
    weights = [(number, _weight(number) * times) for number, times in numbers]
    return (
        sum(weight for _, weight in weights),
        sum(weight for number, weight in weights if isinstance(number, float)),
    )


def weight(data: Any, numbers: int, fractions: int) -> int:
    """What it weighs to compare each number of the data with so many."""
    return sum(
        _weight(number) * numbers if isinstance(number, float) else fractions
        for number in _numbers(data)
    )


def _numbers(value: Any) -> Iterator[int | float]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield one


def _weight(number: float) -> int:
    if isinstance(number, int) or not number:
        return 1
    return 1 if _LEAST_DIGITS < abs(number) < _MOST_DIGITS else _LONG
