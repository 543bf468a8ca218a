"""The committed figures, and how far counts are from them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("figures.json")
TOLERANCE = 0.05


@dataclass(frozen=True)
class Figures:
    """For one delivery or request, by part; and the Python that they were counted with."""

    language: str
    bytecodes: Mapping[str, int]
    build: str
    instructions: Mapping[str, int]


@dataclass(frozen=True)
class Change:
    kind: str
    part: str
    counted: int
    committed: int

    @property
    def share(self) -> float:
        return self.counted / self.committed - 1 if self.committed else float("inf")

    @property
    def is_within(self) -> bool:
        """Less is not, either: what nobody writes down may be lost again unnoticed."""
        return abs(self.share) <= TOLERANCE

    def __str__(self) -> str:
        return (
            f"{self.counted:>12,} {self.committed:>12,} {self.share:>+8.1%}"
            f"  {'' if self.is_within else 'NOT WITHIN ':<11}{self.kind}, {self.part}"
        )


def read() -> Figures:
    return Figures(**json.loads(FILE.read_text()))


def write(figures: Figures) -> None:
    FILE.write_text(json.dumps(vars(figures), indent=2) + "\n")


def changes(
    kind: str, counted: Mapping[str, int], committed: Mapping[str, int]
) -> list[Change]:
    return [
        Change(kind, part, counted.get(part, 0), committed.get(part, 0))
        for part in dict.fromkeys([*committed, *counted])
    ]
