"""The result of a benchmark."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """`measured` is met at `target` or above; with `is_ceiling`, at it or below. Without a
    target it is stated. `aim` is what would be good beyond that."""

    what: str
    measured: float
    target: float | None
    detail: str
    unit: str = ""
    is_ceiling: bool = False
    aim: float | None = None

    @property
    def verdict(self) -> str:
        if self.target is None:
            return "stated"
        return "met" if self._reaches(self.target) else "missed"

    def __str__(self) -> str:
        return (
            f"{self._shown(self.measured):>9} {self._bound(self.target):>11}"
            f" {self._bound(self.aim):>11}  {self.verdict:<7}{self.what}: {self.detail}"
        )

    def _reaches(self, bound: float) -> bool:
        return self.measured <= bound if self.is_ceiling else self.measured >= bound

    def _bound(self, number: float | None) -> str:
        if number is None:
            return ""
        return f"{'≤' if self.is_ceiling else '≥'} {self._shown(number)}"

    def _shown(self, number: float) -> str:
        return f"{number:,.0f}" if number >= 100 else f"{number:.2f}{self.unit}"
