"""How long attempts took, as far as EndpointHour's histogram says it.

A percentile is told by the bounds it lies between. A number in the middle would look
measured, and be a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from webhooks.models import EndpointHour

_BOUNDS = (0, *EndpointHour.LATENCY_BOUNDS_MS)


@dataclass(frozen=True)
class Latency:
    above_ms: int
    up_to_ms: int | None
    """None where it took longer than the last bound."""

    def __str__(self) -> str:
        if self.up_to_ms is None:
            return f"over {_duration(self.above_ms)}"
        if not self.above_ms:
            return f"up to {_duration(self.up_to_ms)}"
        return f"{_duration(self.above_ms)} to {_duration(self.up_to_ms)}"


def percentile(durations: Sequence[int], percent: int) -> Latency | None:
    """Within what time so many of a hundred attempts were over; None without any.

    `durations` are the counts of EndpointHour.LATENCY_FIELDS.
    """
    rank = -(-sum(durations) * percent // 100)
    counted = 0
    for number, count in enumerate(durations):
        counted += count
        if count and counted >= rank:
            is_last = number + 1 == len(_BOUNDS)
            return Latency(_BOUNDS[number], None if is_last else _BOUNDS[number + 1])
    return None


def _duration(ms: int) -> str:
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:g} s"
