"""What a soak left behind, from three sides: the receiver's file, the portal's rows, and
the log of every change of a row (see `scene`). Plain values, for `invariants` to judge."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True)
class Incident:
    kind: str
    name: str
    """Of the process; empty when it was everybody's."""
    began: float
    ended: float

    @property
    def is_of_database(self) -> bool:
        return self.kind in ("restart", "crash")


@dataclass(frozen=True)
class Arrival:
    """A request that the receiver has recorded."""

    arrival: int
    at: float
    path: str
    event: str
    number: int
    body: str  # its hash
    refused: str
    answer: str


@dataclass(frozen=True)
class Attempt:
    """A request that the portal has recorded."""

    number: int
    outcome: str
    arrival: int | None = None  # as the answer said


@dataclass(frozen=True)
class Claim:
    """One lease of a delivery, from the log of its changes."""

    token: UUID
    owner: str
    began: float
    end: str = "open"  # settled, given back, lost
    ended: float = 0
    ended_by: str = ""
    is_begun: bool = True
    """Whether it was more than a reservation, and there may have been a request."""


@dataclass(frozen=True)
class Delivery:
    id: UUID
    event: UUID
    path: str
    state: str
    attempts: int
    recorded: Sequence[Attempt] = ()
    claims: Sequence[Claim] = ()
    strays: Sequence[str] = ()
    """Changes of the row by somebody who had no claim on it."""


@dataclass(frozen=True)
class Event:
    id: UUID
    number: int
    matched: int


MANY_EVERY = 10


def has_many(number: int) -> bool:
    """Whether the event of this number has many deliveries."""
    return number % MANY_EVERY == 0


@dataclass(frozen=True)
class Evidence:
    count: int  # of numbers that were to be published
    paths: Sequence[str]  # that every event with many deliveries is to arrive at
    acknowledged: frozenset[int]
    events: Sequence[Event]
    deliveries: Sequence[Delivery]
    arrivals: Sequence[Arrival]
    incidents: Sequence[Incident]
    hours: Mapping[str, int] = field(default_factory=dict)
    """Attempts at each path, by the portal's own statistics."""
    ended_badly: Sequence[str] = ()
    errors: Sequence[str] = ()
    """What the workers logged as such."""
    few_paths: Sequence[str] = ()
    """That the other events are to arrive at; none: all have many."""

    def paths_of(self, number: int) -> Sequence[str]:
        has_few = self.few_paths and not has_many(number)
        return self.few_paths if has_few else self.paths

    def arrived(self) -> Mapping[tuple[UUID, str], Sequence[Arrival]]:
        """By event and path."""
        found: dict[tuple[UUID, str], list[Arrival]] = defaultdict(list)
        ids = {str(event.id): event.id for event in self.events}
        for arrival in self.arrivals:
            if arrival.event in ids:
                found[ids[arrival.event], arrival.path].append(arrival)
        return found


@dataclass(frozen=True)
class Move:
    """One change of a row; claims are told from it."""

    at: float
    actor: str
    old_token: UUID | None
    new_token: UUID | None
    old_state: str
    new_state: str
    old_attempts: int
    new_attempts: int
    is_begun: bool = True


def history(moves: Sequence[Move]) -> tuple[list[Claim], list[str]]:
    """The claims of one delivery, and the changes that no claim allows."""
    claims: list[Claim] = []
    strays: list[str] = []
    for move in moves:
        if move.old_token is not None and move.new_token != move.old_token:
            is_same = (move.old_state, move.old_attempts) == (
                move.new_state,
                move.new_attempts,
            )
            end = "lost" if move.new_token else "given back" if is_same else "settled"
            claims[-1] = replace(
                claims[-1], end=end, ended=move.at, ended_by=move.actor
            )
        if move.new_token is not None and move.new_token != move.old_token:
            claims.append(
                Claim(move.new_token, move.actor, move.at, is_begun=move.is_begun)
            )
        if move.new_token is not None and move.new_token == move.old_token:
            # Taken in hand by another than who reserved it for him.
            claims[-1] = replace(
                claims[-1], owner=move.actor, began=move.at, is_begun=True
            )
        if move.new_token is None and move.old_token is None:
            strays.append(f"{move.actor}: {move.old_state} to {move.new_state}")
    return claims, strays


def arrivals(log: Path) -> list[Arrival]:
    return [Arrival(**json.loads(line)) for line in log.read_text().splitlines()]
