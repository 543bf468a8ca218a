"""What a benchmark tells."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """`measured` is a ratio; it is met when it is at least `target`."""

    what: str
    measured: float
    target: float
    detail: str

    @property
    def is_met(self) -> bool:
        return self.measured >= self.target
