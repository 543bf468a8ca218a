"""Health is pure: what was, what happened, what is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from webhooks.delivery import health
from webhooks.delivery.health import AttemptOutcome, Health, after_attempts

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PROBE, OTHER = UUID(int=1), UUID(int=2)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)

FRESH = Health()
OPEN = Health(
    failures=5, failing_since=NOW - SECOND, trips=1, open_until=NOW + 5 * SECOND
)
PROBED = replace(OPEN, open_until=NOW + 90 * SECOND, probe_token=PROBE)


def failed(**fields):
    return AttemptOutcome(
        **{"token": OTHER, "outcome": "status", "status": 500} | fields
    )


def ok(**fields):
    return AttemptOutcome(token=OTHER, outcome="ok", status=200, **fields)


@pytest.mark.parametrize(
    ("before", "trial", "expected"),
    [
        pytest.param(FRESH, ok(), FRESH, id="a success changes nothing"),
        pytest.param(
            FRESH, failed(), Health(failures=1, failing_since=NOW), id="a first failure"
        ),
        pytest.param(
            Health(failures=1, failing_since=NOW - DAY),
            failed(),
            Health(failures=2, failing_since=NOW - DAY),
            id="the clock runs from the first",
        ),
        pytest.param(
            Health(failures=4, failing_since=NOW - DAY),
            failed(outcome="timeout", status=None),
            Health(
                failures=5,
                failing_since=NOW - DAY,
                trips=1,
                open_until=NOW + 5 * SECOND,
            ),
            id="the fifth in a row opens",
        ),
        pytest.param(
            OPEN, failed(), replace(OPEN, failures=6), id="a straggler prolongs nothing"
        ),
        pytest.param(OPEN, ok(), FRESH, id="a straggler that succeeds closes"),
        pytest.param(PROBED, ok(), FRESH, id="a probe that succeeds closes"),
        pytest.param(
            PROBED,
            failed(token=PROBE),
            replace(OPEN, failures=6, trips=2, open_until=NOW + 10 * SECOND),
            id="a probe that fails doubles the pause",
        ),
        pytest.param(
            PROBED,
            failed(),
            replace(PROBED, failures=6),
            id="a straggler does not end the probe",
        ),
        pytest.param(
            PROBED,
            failed(token=PROBE, outcome="error", status=None, is_ours=True),
            replace(OPEN, open_until=NOW),
            id="a probe that failed on our side makes way",
        ),
        pytest.param(
            FRESH,
            failed(outcome="error", status=None, is_ours=True),
            FRESH,
            id="what failed on our side proves nothing",
        ),
        pytest.param(
            FRESH,
            failed(status=410),
            Health(failures=1, failing_since=NOW, disabled_reason=health.GONE_REASON),
            id="410 disables at once",
        ),
        pytest.param(
            Health(
                failures=1,
                failing_since=NOW - SECOND,
                disabled_reason=health.GONE_REASON,
            ),
            ok(),
            Health(disabled_reason=health.GONE_REASON),
            id="who says 410 and goes on answering is disabled still",
        ),
        pytest.param(
            Health(failures=90, failing_since=NOW - 5 * DAY),
            failed(),
            Health(
                failures=91,
                failing_since=NOW - 5 * DAY,
                disabled_reason=health.FAILED_REASON,
            ),
            id="five days of nothing but failure disable",
        ),
        pytest.param(
            Health(failures=90, failing_since=NOW - 5 * DAY + SECOND),
            failed(),
            Health(
                failures=91,
                failing_since=NOW - 5 * DAY + SECOND,
                trips=1,
                open_until=NOW + 5 * SECOND,
            ),
            id="a second less does not",
        ),
        pytest.param(
            Health(failures=3, failing_since=NOW - 30 * DAY),
            failed(),
            Health(failures=4, failing_since=NOW - 30 * DAY),
            id="nor do a few failures, however far apart",
        ),
    ],
)
def test_what_follows_from_one_attempt(before, trial, expected):
    assert after_attempts(before, [trial], now=NOW) == expected


@pytest.mark.parametrize(
    ("status", "asked", "pause"),
    [
        (429, 0, 5),
        (502, 0, 5),
        (504, 0, 5),
        (429, 60, 60),
        (503, 60, 60),
        (500, 2, 5),
        (429, 86_400, 3600),
    ],
)
def test_it_opens_at_the_first_failure_that_asks_to_slow_down(status, asked, pause):
    trial = failed(status=status, asked=asked * SECOND)
    assert after_attempts(FRESH, [trial], now=NOW).open_until == NOW + pause * SECOND


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_other_failures_pause_nothing_at_first(status):
    assert after_attempts(FRESH, [failed(status=status)], now=NOW).open_until is None


def test_pauses_double_to_ten_minutes():
    pauses, state = [], PROBED
    for _ in range(40):
        state = after_attempts(state, [failed(token=PROBE)], now=NOW)
        pauses.append((state.open_until - NOW).total_seconds())
        state = replace(state, probe_token=PROBE)
    assert pauses == [10, 20, 40, 80, 160, 320] + [600] * 34


def test_attempts_count_in_the_order_in_which_they_ended():
    assert after_attempts(FRESH, [failed()] * 4 + [ok()], now=NOW) == FRESH
    assert after_attempts(FRESH, [ok()] + [failed()] * 4, now=NOW).failures == 4
    assert after_attempts(FRESH, [failed()] * 9, now=NOW).trips == 1


class Endpoint(RuleBasedStateMachine):
    """An endpoint whose claims, attempts and clock go on in any order."""

    def __init__(self):
        super().__init__()
        self.now = NOW
        self.health = FRESH
        self.last_success = NOW
        self.was_gone = False

    def end(self, trial):
        before = self.health
        self.health = after_attempts(before, [trial], now=self.now)
        if trial.outcome == "ok":
            self.last_success = self.now
        elif trial.is_ours:
            assert self.health.failures == before.failures
            assert self.health.trips == before.trips
        else:
            assert self.health.failures == before.failures + 1
            self.was_gone |= trial.status == 410
        return before

    @rule(by=st.floats(0.001, 200_000))
    def time_passes(self, by):
        self.now += timedelta(seconds=by)

    @rule()
    def succeeds(self):
        self.end(ok())
        assert replace(self.health, disabled_reason="") == FRESH

    @rule(
        status=st.sampled_from([None, 400, 410, 429, 500, 502, 503, 504]),
        asked=st.integers(0, 90_000),
    )
    def fails(self, status, asked):
        before = self.end(failed(status=status, asked=asked * SECOND))
        if before.open_until is not None and before.open_until > self.now:
            assert self.health.open_until == before.open_until
            assert self.health.probe_token == before.probe_token

    @rule()
    def fails_on_our_side(self):
        self.end(failed(outcome="error", status=None, is_ours=True))

    @precondition(
        lambda self: (
            self.health.open_until is not None
            and self.health.open_until <= self.now
            and not self.health.disabled_reason
        )
    )
    @rule(result=st.sampled_from(["ok", "status", "ours", "lost"]))
    def is_probed(self, result):
        token = uuid4()
        self.health = replace(
            self.health, probe_token=token, open_until=self.now + 90 * SECOND
        )
        self.now += SECOND
        if result == "ok":
            self.end(replace(ok(), token=token))
            assert self.health == FRESH
        elif result == "ours":
            self.end(failed(token=token, outcome="error", is_ours=True))
            assert self.health.open_until == self.now
        elif result == "status":
            before = self.end(failed(token=token))
            if not self.health.disabled_reason:
                assert self.health.trips == before.trips + 1

    @invariant()
    def it_fails_since_its_first_failure(self):
        assert (self.health.failures == 0) == (self.health.failing_since is None)
        if self.health.failing_since is not None:
            assert self.last_success <= self.health.failing_since <= self.now

    @invariant()
    def a_pause_has_a_reason_and_an_end(self):
        assert (self.health.trips == 0) == (self.health.open_until is None)
        if self.health.open_until is not None:
            assert self.health.open_until - self.now <= health.LONGEST_ASKED_PAUSE
        if self.health.fails_repeatedly and not self.health.disabled_reason:
            assert self.health.open_until is not None

    @invariant()
    def it_is_disabled_only_by_410_or_days_of_failure(self):
        if self.health.disabled_reason == health.GONE_REASON:
            assert self.was_gone
        elif self.health.disabled_reason:
            assert self.now - NOW >= health.DISABLE_AFTER


TestEndpoint = Endpoint.TestCase
TestEndpoint.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
