"""One attempt: whatever goes wrong in it is its result, not the worker's end."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from webhooks.delivery import attempt
from webhooks.delivery.job import Job, Subscriber
from webhooks.delivery.result import Outcome, Result
from webhooks.models import Delivery


class Answers:
    """A poster whose receiver always answers the same."""

    def __init__(self, result):
        self.result = result

    async def send(self, url, *, body, headers, timeout, partner):
        return self.result


def job(**fields):
    # BLAZE signs nothing, so that the subscriber needs no secret.
    return Job(
        id=uuid4(),
        token=uuid4(),
        until=time.monotonic() + 60,
        event_id=uuid4(),
        event_type="customer.created",
        occurred_at=datetime.now(UTC),
        data="{}",
        subscriber=Subscriber(
            id=uuid4(),
            partner_id=uuid4(),
            public_id="hook",
            is_deleted=False,
            sealed_secrets=[],
        ),
        endpoint_id=uuid4(),
        url="https://receiver.example.com/",
        attempts=0,
        **{"profile": "blaze", **fields},
    )


def test_it_is_delivered_by_an_answer_of_success():
    made = asyncio.run(
        attempt.make(job(), Answers(Result(outcome=Outcome.OK, duration=0, status=200)))
    )
    assert made.state == Delivery.State.DELIVERED


def test_its_times_are_kept_in_milliseconds():
    result = Result(
        outcome=Outcome.OK, duration=0.2504, status=200, lookup=0.0126, connect=None
    )
    made = asyncio.run(attempt.make(job(), Answers(result))).attempt
    assert made is not None
    assert (made.duration_ms, made.lookup_ms, made.connect_ms) == (250, 13, None)


def test_an_answer_that_cannot_be_read_is_a_failed_attempt(monkeypatch):
    def stumble(*args, **kwargs):
        raise OverflowError("the answer's own doing")

    monkeypatch.setattr(attempt, "conclude", stumble)
    made = asyncio.run(
        attempt.make(job(), Answers(Result(outcome=Outcome.OK, duration=0, status=200)))
    )
    assert (made.state, made.outcome) == (Delivery.State.PENDING, attempt.ERROR)
    assert made.attempt is not None
    assert "OverflowError" in made.attempt.error


@pytest.mark.parametrize(
    "result",
    [
        Result(outcome=Outcome.TIMEOUT, duration=0),
        Result(
            outcome=Outcome.STATUS,
            duration=0,
            status=503,
            headers=(("Retry-After", "60"),),
        ),
    ],
)
def test_a_test_is_tried_once(result):
    made = asyncio.run(attempt.make(job(is_test=True), Answers(result)))
    assert (made.state, made.wait) == (Delivery.State.EXHAUSTED, None)
    assert made.reason == "A test is tried once."
    made = asyncio.run(attempt.make(job(), Answers(result)))
    assert (made.state, made.reason) == (Delivery.State.PENDING, "")


def test_a_test_that_fails_on_our_side_is_tried_once():
    made = asyncio.run(attempt.make(job(is_test=True, profile="gone"), Answers(None)))
    assert (made.state, made.outcome) == (Delivery.State.EXHAUSTED, attempt.ERROR)


def test_of_what_fails_on_our_side_so_much_is_kept(monkeypatch):
    def stumble(*args, **kwargs):
        raise OverflowError("x" * 10_000)

    monkeypatch.setattr(attempt, "conclude", stumble)
    answers = Answers(Result(outcome=Outcome.OK, duration=0, status=200))
    made = asyncio.run(attempt.make(job(), answers)).attempt
    assert made is not None
    assert len(made.error) == 500
