"""The data of every chart: attempts by time, and their durations.

The database adds up EndpointHour by the hour, so a chart reads at most 720 rows. Bars begin
and end at full hours of UTC, and the last one is not over yet: "24h" is this hour and the
23 before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum
from django.http import QueryDict
from django.urls import reverse

from webhooks.models import EndpointHour

from .paging import with_changes

HEIGHT = 100
"""Of the tallest bar, in the units of the drawing."""

WIDTH = 10
"""Of one bar with the gap beside it."""

_LEAST = 2
"""The height of any count above zero: one failure among a million stays visible."""

_COUNTS = ("delivered", "failed", *EndpointHour.LATENCY_FIELDS)
_BOUNDS = (0, *EndpointHour.LATENCY_BOUNDS_MS)


@dataclass(frozen=True)
class Period:
    label: str
    bars: int
    hours: int
    bar_label: str
    """The time of one bar, in words."""


PERIODS = {
    "24h": Period("24 hours", bars=24, hours=1, bar_label="an hour"),
    "7d": Period("7 days", bars=28, hours=6, bar_label="6 hours"),
    "30d": Period("30 days", bars=30, hours=24, bar_label="a day"),
}

_USUAL = "24h"


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


@dataclass(frozen=True)
class Bar:
    """The attempts of a part of the period, and where they are drawn."""

    start: datetime
    end: datetime
    delivered: int
    failed: int
    x: int
    delivered_height: int
    failed_height: int

    @property
    def delivered_y(self) -> int:
        return HEIGHT - self.delivered_height

    @property
    def failed_y(self) -> int:
        return self.delivered_y - self.failed_height

    @property
    def label(self) -> str:
        return (
            f"{self.start:%d %b %H:%M} to {self.end:%d %b %H:%M} UTC: "
            f"{self.delivered:,} delivered, {self.failed:,} failed"
        )


@dataclass(frozen=True)
class Chart:
    period: str
    bars: Sequence[Bar]
    delivered: int
    failed: int
    p50: Latency | None
    p95: Latency | None

    @property
    def shape(self) -> Period:
        return PERIODS[self.period]

    @property
    def attempts(self) -> int:
        return self.delivered + self.failed

    @property
    def most(self) -> int:
        """The attempts of the tallest bar."""
        return max(bar.delivered + bar.failed for bar in self.bars)

    @property
    def success_rate(self) -> str:
        """The delivered share of all attempts. Rounded down: 100 % means that none failed."""
        if not self.attempts:
            return "nothing sent"
        thousandths = self.delivered * 1000 // self.attempts
        return f"{thousandths / 10:.1f} %".replace(".0 ", " ")

    @property
    def view_box(self) -> str:
        """Of the SVG. Two counts that are raised to the least height may exceed the tallest bar,
        so there is room above it."""
        above = 2 * _LEAST
        return f"0 {-above} {WIDTH * len(self.bars)} {HEIGHT + above}"


def of(hours: QuerySet[EndpointHour], *, period: str, now: datetime) -> Chart:
    """The chart of the endpoints whose hours are given, in one statement."""
    shape = PERIODS[period]
    step = timedelta(hours=shape.hours)
    start = start_of(period, now=now)
    sums: Any = (
        hours.filter(hour__gte=start, hour__lt=start + step * shape.bars)
        .order_by("hour")
        .values("hour")
        .annotate(**{f"sum_{name}": Sum(name) for name in _COUNTS})
    )
    counts = [[0, 0] for _ in range(shape.bars)]
    durations = [0] * len(EndpointHour.LATENCY_FIELDS)
    for row in sums:
        count = counts[(row["hour"] - start) // step]
        count[0] += row["sum_delivered"]
        count[1] += row["sum_failed"]
        for number, name in enumerate(EndpointHour.LATENCY_FIELDS):
            durations[number] += row[f"sum_{name}"]
    return Chart(
        period,
        bars=_drawn(counts, start=start, step=step),
        delivered=sum(delivered for delivered, _ in counts),
        failed=sum(failed for _, failed in counts),
        p50=percentile(durations, 50),
        p95=percentile(durations, 95),
    )


def start_of(period: str, *, now: datetime) -> datetime:
    """The begin of the first bar in a period that ends now."""
    shape = PERIODS[period]
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    step = timedelta(hours=shape.hours)
    last = midnight + (now - midnight) // step * step
    return last - step * (shape.bars - 1)


def chosen_period(query: QueryDict) -> str:
    given = query.get("period", "")
    return given if given in PERIODS else _USUAL


@dataclass(frozen=True)
class PeriodLink:
    label: str
    address: str
    is_chosen: bool


def context(
    hours: QuerySet[EndpointHour], query: QueryDict, *, now: datetime, **filters: Any
) -> dict[str, Any]:
    """What `console/chart.html` shows: the chart of the period in the address, links to the
    other periods, and links to the deliveries behind its numbers.

    `filters` narrow the linked lists, such as `partner`.
    """
    period = chosen_period(query)

    def deliveries(**state: str) -> str:
        return reverse("staff:deliveries", query={**filters, "within": period, **state})

    return {
        "chart": of(hours, period=period, now=now),
        "periods": [
            PeriodLink(each.label, with_changes(query, period=name), name == period)
            for name, each in PERIODS.items()
        ],
        "drill_down": {
            "all": deliveries(),
            "delivered": deliveries(state="delivered"),
            "failed": deliveries(state="failed"),
        },
    }


def _drawn(
    counts: Sequence[Sequence[int]], *, start: datetime, step: timedelta
) -> list[Bar]:
    most = max(map(sum, counts))
    return [
        Bar(
            start=start + step * number,
            end=start + step * (number + 1),
            delivered=delivered,
            failed=failed,
            x=WIDTH * number + 1,
            delivered_height=_height(delivered, most),
            failed_height=_height(failed, most),
        )
        for number, (delivered, failed) in enumerate(counts)
    ]


def _height(count: int, most: int) -> int:
    return max(round(count * HEIGHT / most), _LEAST) if count else 0


def percentile(durations: Sequence[int], percent: int) -> Latency | None:
    """The latency that this percentage of attempts did not exceed; None without attempts.

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
