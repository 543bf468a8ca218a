from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.delivery.schedule import (
    LONGEST_RETRY_AFTER,
    STANDARD,
    Schedule,
    retry_after,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

schedules = st.builds(
    Schedule,
    waits=st.lists(st.integers(0, 10**6), min_size=1, max_size=20).map(tuple),
    jitter=st.floats(0, 1),
)


@given(schedules, st.integers(0, 30))
def test_it_waits_as_long_as_listed_give_or_take_the_jitter(schedule, failed):
    wait = schedule.wait_after(failed)

    if failed >= schedule.attempts:
        assert wait is None
    else:
        listed = schedule.waits[failed]
        assert (
            listed * (1 - schedule.jitter) - 0.001
            <= wait.total_seconds()
            <= listed * (1 + schedule.jitter) + 0.001
        )


def test_it_spreads_what_failed_together():
    assert len({STANDARD.wait_after(3) for _ in range(50)}) > 40


def test_without_jitter_it_waits_exactly():
    assert Schedule(waits=(0, 7)).wait_after(1) == timedelta(seconds=7)


def test_the_standard_schedule_is_that_of_the_specification():
    assert STANDARD.attempts == 10
    assert timedelta(seconds=sum(STANDARD.waits)) == timedelta(
        hours=75, minutes=35, seconds=5
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 12:00:30 -0000", 30),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("86401", 86400),
        ("9" * 5000, 86400),
        ("Sat, 21 Nov 2099 12:00:30 GMT", 86400),
    ],
)
def test_it_reads_what_a_receiver_asks_for(value, seconds):
    assert retry_after(value, now=NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "٣",
        "Sat, 99 Nov 2026",
        "Sat, 21 Nov 99999999999999999999 12:00:00 GMT",
        "Sat, 21 Nov 2026 12:00:00 +99999999999999999999",
    ],
)
def test_it_ignores_what_it_cannot_read(value):
    assert retry_after(value, now=NOW) is None


@given(st.text() | st.integers().map(str) | st.datetimes().map(str))
def test_no_header_makes_it_fail_or_wait_beyond_its_bounds(value):
    wait = retry_after(value, now=NOW)

    assert wait is None or timedelta(0) <= wait <= LONGEST_RETRY_AFTER
