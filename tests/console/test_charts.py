"""Charts: every attempt in its bar, and percentiles that claim no more than is known."""

import itertools
import random
from bisect import bisect_left
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection
from django.http import QueryDict
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from tests import factories
from webhooks.console import charts
from webhooks.models import Endpoint, EndpointHour

NOW = datetime(2026, 11, 21, 13, 37, tzinfo=UTC)
BOUNDS = EndpointHour.LATENCY_BOUNDS_MS


@pytest.fixture
def endpoint(db) -> Endpoint:
    return factories.subscription(factories.partner(), "blaze").endpoints.get()


def hour(
    endpoint: Endpoint, at: datetime, delivered: int = 1, failed: int = 0, **ms: int
) -> EndpointHour:
    return EndpointHour.objects.create(
        endpoint=endpoint,
        partner_id=endpoint.subscription.partner_id,
        hour=at,
        delivered=delivered,
        failed=failed,
        **(ms or {"ms_50": delivered + failed}),
    )


def chart(period: str = "24h", now: datetime = NOW) -> charts.Chart:
    return charts.of(EndpointHour.objects.all(), period=period, now=now)


def links(query: QueryDict) -> list[charts.PeriodLink]:
    found: list[charts.PeriodLink] = charts.context(
        EndpointHour.objects.none(), query, now=NOW
    )["periods"]
    return found


def drawn(of: charts.Chart) -> str:
    context = {"chart": of, "periods": ()}
    return render_to_string("console/chart.html", context)


@pytest.mark.parametrize(
    ("period", "first", "bars", "step"),
    [
        ("24h", datetime(2026, 11, 20, 14, tzinfo=UTC), 24, timedelta(hours=1)),
        ("7d", datetime(2026, 11, 14, 18, tzinfo=UTC), 28, timedelta(hours=6)),
        ("30d", datetime(2026, 10, 23, tzinfo=UTC), 30, timedelta(days=1)),
    ],
)
def test_bars_are_full_hours_of_utc_and_the_last_holds_now(
    db, period, first, bars, step
) -> None:
    made = chart(period).bars
    assert (made[0].start, len(made)) == (first, bars)
    assert all(bar.end - bar.start == step for bar in made)
    assert all(bar.end == after.start for bar, after in itertools.pairwise(made))
    assert made[-1].start <= NOW < made[-1].end


@pytest.mark.parametrize("period", charts.PERIODS)
def test_every_hour_counts_in_the_bar_it_lies_in(endpoint: Endpoint, period) -> None:
    start = charts.start_of(period, now=NOW)
    hours = [start + timedelta(hours=n) for n in range(-2, 720)]
    for number, at in enumerate(at for at in hours if at <= NOW):
        hour(endpoint, at, delivered=number, failed=number % 7)
    rows = list(EndpointHour.objects.all())
    for bar in chart(period).bars:
        inside = [row for row in rows if bar.start <= row.hour < bar.end]
        assert bar.delivered == sum(row.delivered for row in inside)
        assert bar.failed == sum(row.failed for row in inside)


def test_hours_before_the_first_bar_and_of_others_do_not_count(
    endpoint: Endpoint,
) -> None:
    start = charts.start_of("24h", now=NOW)
    hour(endpoint, start - timedelta(hours=1), delivered=100)
    hour(endpoint, start, delivered=2, failed=1)
    other = factories.subscription(factories.partner(), "blaze").endpoints.get()
    hour(other, start, delivered=1000)
    hours = EndpointHour.objects.filter(endpoint__subscription=endpoint.subscription)
    made = charts.of(hours, period="24h", now=NOW)
    assert (made.delivered, made.failed, made.attempts) == (2, 1, 3)


@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25"])
def test_daylight_saving_moves_no_bar(endpoint: Endpoint, change) -> None:
    """Wherever `now` is told: a day has 24 hours of UTC, none twice and none left out."""
    midnight = datetime.fromisoformat(change).replace(tzinfo=UTC)
    for number in range(24):
        hour(endpoint, midnight + timedelta(hours=number), delivered=1 + number)
    late = (midnight + timedelta(hours=23, minutes=59)).astimezone(
        timezone(timedelta(hours=2))
    )
    made = chart(now=late)
    assert [bar.delivered for bar in made.bars] == list(range(1, 25))
    assert chart("30d", now=late).bars[-1].delivered == 300


def test_a_chart_is_one_statement_however_many_endpoints(endpoint: Endpoint) -> None:
    seen = []
    for more in (1, 9, 90):
        for _ in range(more):
            made = factories.subscription(factories.partner(), "blaze").endpoints.get()
            hour(made, charts.start_of("24h", now=NOW))
        with CaptureQueriesContext(connection) as asked:
            assert chart().delivered == EndpointHour.objects.count()
        seen.append(len(asked) - 1)  # without the count
    assert seen == [1, 1, 1]


def test_the_share_is_whole_only_when_nothing_failed(endpoint: Endpoint) -> None:
    row = hour(endpoint, charts.start_of("24h", now=NOW), delivered=999_999, failed=1)
    assert chart().success_rate == "99.9 %"
    for delivered, failed, share in ((3, 0, "100 %"), (0, 3, "0 %"), (1, 2, "33.3 %")):
        EndpointHour.objects.filter(pk=row.pk).update(
            delivered=delivered, failed=failed
        )
        assert chart().success_rate == share


def test_what_is_rare_is_drawn_and_what_is_not_there_is_not(endpoint: Endpoint) -> None:
    start = charts.start_of("24h", now=NOW)
    hour(endpoint, start, delivered=1_000_000, failed=1)
    hour(endpoint, start + timedelta(hours=1), delivered=500_000)
    first, second, third = chart().bars[:3]
    assert first.failed_height > 0
    assert first.failed_y + first.failed_height == first.delivered_y
    assert (second.delivered_height, second.failed_height) == (50, 0)
    assert (third.delivered_height, third.failed_height) == (0, 0)
    assert int(chart().view_box.split()[1]) <= first.failed_y


def test_without_attempts_it_says_so_and_draws_nothing(db) -> None:
    made = chart("7d")
    assert not made.attempts
    assert (made.p50, made.p95, made.success_rate) == (None, None, "nothing sent")
    html = drawn(made)
    assert "Nothing was sent in the last 7 days." in html
    assert "<svg" not in html


@pytest.mark.usefixtures("templates_of_others")
def test_it_can_be_read_without_seeing_it(endpoint: Endpoint) -> None:
    hour(endpoint, charts.start_of("24h", now=NOW), delivered=1234, failed=5)
    html = drawn(chart())
    assert 'role="img"' in html
    assert "1,234 delivered, 5 failed" in html
    assert html.count("<tr>") == 1 + 24
    assert 'style="' not in html


def histogram(times: list[int]) -> list[int]:
    counts = [0] * len(EndpointHour.LATENCY_FIELDS)
    for ms in times:
        counts[bisect_left(BOUNDS, ms)] += 1
    return counts


@pytest.mark.parametrize("seed", range(50))
def test_a_percentile_lies_within_its_bounds(seed) -> None:
    chance = random.Random(seed)
    longest = chance.choice([10, 60, 3_000, 30_000])
    times = sorted(chance.randint(0, longest) for _ in range(chance.randint(1, 120)))
    for percent in (1, 50, 95, 99, 100):
        # The least time within which at least so many of a hundred were over.
        true = next(
            ms
            for ms in times
            if 100 * sum(t <= ms for t in times) >= percent * len(times)
        )
        found = charts.percentile(histogram(times), percent)
        assert found is not None
        assert found.up_to_ms is None or true <= found.up_to_ms
        assert true > found.above_ms or (true == 0 and found.above_ms == 0)


@pytest.mark.parametrize(
    ("ms", "says"),
    [(3, "up to 10 ms"), (11, "10 ms to 25 ms"), (700, "500 ms to 1 s"),
     (2400, "1 s to 2.5 s"), (10_001, "over 10 s")],
)  # fmt: skip
def test_a_latency_is_told_by_its_bounds(ms, says) -> None:
    assert str(charts.percentile(histogram([ms]), 50)) == says


def test_the_percentiles_are_of_all_the_hours(endpoint: Endpoint) -> None:
    start = charts.start_of("24h", now=NOW)
    hour(endpoint, start, delivered=94, ms_50=94)
    hour(endpoint, start + timedelta(hours=1), delivered=6, ms_more=6)
    assert str(chart().p50) == "25 ms to 50 ms"
    assert str(chart().p95) == "over 10 s"


@pytest.mark.parametrize(
    ("query", "chosen"),
    [("", "24h"), ("period=7d", "7d"), ("period=1000y", "24h"), ("period=%00", "24h")],
)
def test_a_period_that_is_none_is_the_usual_one(query, chosen) -> None:
    given = QueryDict(query)
    assert charts.chosen_period(given) == chosen
    assert [link.label for link in links(given) if link.is_chosen] == [
        charts.PERIODS[chosen].label
    ]


def test_another_period_keeps_the_rest_of_the_address() -> None:
    addresses = [p.address for p in links(QueryDict("partner=x&period=7d"))]
    assert addresses == [
        "?partner=x&period=24h", "?partner=x&period=7d", "?partner=x&period=30d"
    ]  # fmt: skip
