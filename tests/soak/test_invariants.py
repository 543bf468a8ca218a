"""Each invariant of the soak finds what it is there to find."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from . import invariants
from .evidence import (
    Arrival,
    Attempt,
    Claim,
    Delivery,
    Event,
    Evidence,
    Incident,
    Move,
    history,
)

EVENT, DELIVERY = uuid4(), uuid4()

ARRIVAL = Arrival(
    arrival=1,
    at=10.2,
    path="/a",
    event=str(EVENT),
    number=0,
    body="b0",
    refused="",
    answer="ok",
)
AGAIN = replace(ARRIVAL, arrival=2, at=18)
KILL = Incident("kill", "worker-1", 11, 11.1)
BETWEEN = Incident("kill between pieces", "worker-1", 11, 11.1)
LOST = Claim(uuid4(), "worker-1", 10, "lost", 15, "worker-2")
SETTLED = Claim(uuid4(), "worker-2", 15, "settled", 16, "worker-2")
RECORD = Attempt(1, "ok", 2)

SOUND = Delivery(
    id=DELIVERY,
    event=EVENT,
    path="/a",
    state="delivered",
    attempts=1,
    recorded=[RECORD],
    claims=[LOST, SETTLED],
)
GOOD = Evidence(
    count=1,
    paths=["/a"],
    acknowledged=frozenset([0]),
    events=[Event(EVENT, 0, 1)],
    deliveries=[SOUND],
    arrivals=[ARRIVAL, AGAIN],
    incidents=[KILL],
    hours={"/a": 1},
)


def with_delivery(**changes) -> Evidence:
    return replace(GOOD, deliveries=[replace(SOUND, **changes)])


def with_arrivals(*arrivals: Arrival) -> Evidence:
    return replace(GOOD, arrivals=arrivals)


BAD = {
    "an event is missing": (
        replace(GOOD, count=2),
        {"every_event_exists_once_and_whole"},
    ),
    "an acknowledged event is missing": (
        replace(GOOD, count=2, acknowledged=frozenset([0, 1])),
        {"every_event_exists_once_and_whole"},
    ),
    "an event is there under another number too": (
        replace(GOOD, events=[*GOOD.events, Event(uuid4(), 5, 1)]),
        {"every_event_exists_once_and_whole", "every_event_arrived_everywhere"},
    ),
    "a delivery is missing": (
        replace(
            GOOD,
            paths=["/a", "/b"],
            arrivals=[ARRIVAL, AGAIN, replace(ARRIVAL, path="/b", arrival=3)],
        ),
        {"every_event_exists_once_and_whole"},
    ),
    "it never arrived": (
        with_arrivals(),
        {
            "every_event_arrived_everywhere",
            "every_recorded_answer_was_given",
            "every_request_is_recorded_or_its_claim_was_lost",
        },
    ),
    "it arrived where it should not": (
        with_arrivals(ARRIVAL, AGAIN, replace(ARRIVAL, arrival=3, path="/never")),
        {"nothing_arrived_that_should_not"},
    ),
    "another body arrived": (
        with_arrivals(ARRIVAL, replace(AGAIN, body="b1")),
        {"one_id_and_one_body_each"},
    ),
    "a signature is wrong": (
        with_arrivals(ARRIVAL, replace(AGAIN, refused="no match")),
        {"every_signature_is_genuine"},
    ),
    "a row is not terminal": (
        with_delivery(state="pending"),
        {"every_row_is_delivered"},
    ),
    "a row was given up too early": (
        with_delivery(state="exhausted", claims=[LOST] * 4 + [SETTLED]),
        {"every_row_is_delivered"},
    ),
    "a number is missing": (
        with_delivery(attempts=2),
        {"attempts_are_numbered_and_end_with_success"},
    ),
    "it was tried again after a success": (
        with_delivery(
            attempts=2, recorded=[Attempt(1, "ok", 1), Attempt(2, "status", 2)]
        ),
        {
            "attempts_are_numbered_and_end_with_success",
            "statistics_count_every_attempt_once",
        },
    ),
    "a stale owner settled": (
        with_delivery(claims=[LOST, replace(SETTLED, ended_by="worker-1")]),
        {"only_its_owner_settles"},
    ),
    "somebody changed a row without a claim": (
        with_delivery(strays=["worker-1: delivered to pending"]),
        {"only_its_owner_settles"},
    ),
    "an answer is recorded that was another's": (
        with_delivery(recorded=[replace(RECORD, arrival=7)]),
        {"every_recorded_answer_was_given"},
    ),
    "a request is not recorded and no claim was lost": (
        with_delivery(claims=[SETTLED]),
        {"every_request_is_recorded_or_its_claim_was_lost", "the_storm_was_felt"},
    ),
    "more is recorded than was received": (
        with_delivery(
            attempts=3,
            recorded=[
                Attempt(1, "bad_answer"),
                Attempt(2, "bad_answer"),
                Attempt(3, "ok", 2),
            ],
        ),
        {
            "every_request_is_recorded_or_its_claim_was_lost",
            "statistics_count_every_attempt_once",
        },
    ),
    "a claim was lost in peace": (
        replace(GOOD, incidents=[replace(KILL, name="worker-3")]),
        {"every_lost_claim_has_its_incident"},
    ),
    "a claim was lost before the incident": (
        replace(GOOD, incidents=[replace(KILL, began=20, ended=21)]),
        {"every_lost_claim_has_its_incident"},
    ),
    "a claim is open": (
        with_delivery(claims=[LOST, replace(SETTLED, end="open")]),
        {"every_claim_has_ended"},
    ),
    "a delivery of a large fan-out is missing": (
        replace(GOOD, few_paths=["/a"], paths=["/a", "/b"], incidents=[KILL, BETWEEN]),
        {"every_event_exists_once_and_whole", "every_event_arrived_everywhere"},
    ),
    "no worker was killed between pieces": (
        replace(GOOD, few_paths=["/a"]),
        {"the_storm_was_felt"},
    ),
    "statistics are wrong": (
        replace(GOOD, hours={"/a": 2}),
        {"statistics_count_every_attempt_once"},
    ),
    "a worker logged an error": (
        replace(GOOD, errors=["worker-2: cannot be settled"]),
        {"no_worker_met_an_error"},
    ),
    "a worker ended by itself": (
        replace(GOOD, ended_badly=["worker-2 ended with 1"]),
        {"every_process_ended_as_it_was_told"},
    ),
}


def broken(evidence: Evidence) -> set[str]:
    return {name for name, found in invariants.offenders(evidence).items() if found}


def test_a_sound_soak_breaks_none():
    assert broken(GOOD) == set()


@pytest.mark.parametrize("what", BAD)
def test_it_is_found_that(what):
    evidence, found_by = BAD[what]
    assert broken(evidence) == found_by


def test_every_invariant_is_broken_by_something():
    found = set().union(*(names for _, names in BAD.values()))
    assert found == {check.__name__ for check in invariants.INVARIANTS}


@pytest.mark.parametrize("outcome", ["connect", "timeout"])
def test_an_attempt_that_may_have_made_no_request_needs_none(outcome):
    recorded = [Attempt(1, outcome), Attempt(2, "ok", 2)]
    evidence = with_delivery(attempts=2, recorded=recorded, claims=[SETTLED])
    evidence = replace(evidence, arrivals=[AGAIN], hours={"/a": 2})
    assert broken(evidence) == {"the_storm_was_felt"}


def test_the_database_going_away_explains_any_lost_claim():
    crash = Incident("crash", "", 12, 13)
    assert broken(replace(GOOD, incidents=[crash])) == set()


def test_no_row_may_be_quarantined():
    evidence = with_delivery(state="exhausted", claims=[LOST] * 10 + [SETTLED])
    assert "every_row_is_delivered" in broken(evidence)


def token(number: int) -> UUID:
    return UUID(int=number)


def test_claims_are_told_from_the_changes_of_a_row():
    claims, strays = history(
        [
            Move(1, "a", None, token(1), "pending", "pending", 0, 0),
            Move(2, "b", token(1), token(2), "pending", "pending", 0, 0),
            Move(3, "b", token(2), None, "pending", "pending", 0, 0),
            Move(4, "c", None, token(3), "pending", "pending", 0, 0),
            Move(5, "a", token(3), None, "pending", "pending", 0, 1),
            Move(6, "c", None, token(4), "pending", "pending", 1, 1),
            Move(7, "e", token(4), token(4), "pending", "pending", 1, 1),
            Move(8, "e", token(4), None, "pending", "delivered", 1, 2),
            Move(9, "d", None, None, "delivered", "cancelled", 2, 2),
        ]
    )

    assert claims == [
        Claim(token(1), "a", 1, "lost", 2, "b"),
        Claim(token(2), "b", 2, "given back", 3, "b"),
        Claim(token(3), "c", 4, "settled", 5, "a"),
        Claim(token(4), "e", 7, "settled", 8, "e"),
    ]
    assert strays == ["d: delivered to cancelled"]
