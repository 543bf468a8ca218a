"""The results of the statements of both databases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Claimed:
    rows: Sequence[tuple[UUID, int]]
    """Deliveries, each with the number of claims it has lost."""
    has_more: bool
    """An endpoint had more that was due than it was given."""
    loaded: Sequence[Sequence[Any]] | None = None
    """What `load` would read of them, if it was read with the claim."""


@dataclass(frozen=True, slots=True)
class Recorded:
    count: int
    noteworthy: Mapping[UUID, str]
    """The new states of those deliveries that change their endpoint's health: failures, and
    successes of an endpoint that was failing or was never called."""
