"""What an abuse soak found, and what must be true of it."""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .healthy import Measured

GRAIN = 0.025
"""Seconds below which a percentile says more about the machine than about the portal."""


@dataclass(frozen=True)
class Evidence:
    before: Measured
    during: Measured
    received_before: list[float]
    received_during: list[float]
    lost: list[int]
    """Healthy events that were accepted and did not arrive."""
    unaccounted: int
    """Events, of whichever partner, whose deliveries do not say what became of them."""
    statuses: Mapping[str, Mapping[str, int]]
    errors: list[str]
    """Lines of the server's and the worker's log."""

    def percentiles(self) -> Iterator[tuple[str, float, float]]:
        """Each kind of healthy traffic with its 99th percentile before and during."""
        for kind, before in self.before.seconds.items():
            yield kind, p99(before), p99(self.during.seconds[kind])
        yield "arrival", p99(self.received_before), p99(self.received_during)

    def faults(self, *, most: float) -> Iterator[str]:
        """What is not as it must be, in words; nothing when all is well. A healthy request may
        take `most` times as long at its 99th percentile."""
        yield from self._slower(most)
        for phase, measured in ("before", self.before), ("during", self.during):
            for failed, count in Counter(measured.failed).items():
                yield f"healthy {phase}: {count} x {failed}"
        for name, counts in self.statuses.items():
            if "500" in counts:
                yield f"{name}: {counts['500']} x 500"
        if self.lost:
            yield f"{len(self.lost)} healthy events were lost: {self.lost[:5]}"
        if self.unaccounted:
            yield f"{self.unaccounted} events are not accounted for"
        yield from self.errors

    def _slower(self, most: float) -> Iterator[str]:
        for kind, before, during in self.percentiles():
            if during > most * max(before, GRAIN):
                yield f"{kind}: p99 {during * 1000:.0f} ms, {before * 1000:.0f} before"


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] if len(seconds) > 1 else 0.0
