"""The result of a benchmark."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """`measured` is met at `target` or above; with `is_ceiling`, at it or below."""

    what: str
    measured: float
    target: float
    detail: str
    unit: str = ""
    is_ceiling: bool = False

    @property
    def is_met(self) -> bool:
        if self.is_ceiling:
            return self.measured <= self.target
        return self.measured >= self.target

    def __str__(self) -> str:
        verdict = "met" if self.is_met else "missed"
        bound = "≤" if self.is_ceiling else "≥"
        return (
            f"{self._shown(self.measured):>9} {bound + ' ' + self._shown(self.target):>11}"
            f"  {verdict:<7}{self.what}: {self.detail}"
        )

    def _shown(self, number: float) -> str:
        return f"{number:,.0f}" if number >= 100 else f"{number:.2f}{self.unit}"
