"""What must hold after a soak, whatever happened in it. Each check names its offenders."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from .apps import LONGEST_PAUSE
from .evidence import Claim, Delivery, Evidence, Incident

NO_REQUEST = frozenset({"connect", "dns", "tls", "refused", "error"})
"""Outcomes of attempts that end before a request is on its way."""

MAYBE_A_REQUEST = frozenset({"timeout"})
"""The time may have been over before it was."""


def every_event_exists_once_and_whole(e: Evidence) -> Iterable[str]:
    """What was acknowledged is there, and a publish that was interrupted is there with
    all of its deliveries or was made again."""
    times = Counter(event.number for event in e.events)
    for number in sorted(set(range(e.count)) | set(times)):
        if times[number] != 1 or number not in range(e.count):
            yield f"event {number} is there {times[number]} times"
    yield from (
        f"event {number} was acknowledged and is lost"
        for number in sorted(e.acknowledged - set(times))
    )
    found = Counter((d.event, d.path) for d in e.deliveries)
    wanted = Counter(
        (event.id, path) for event in e.events for path in e.paths_of(event.number)
    )
    for event, path in (wanted - found) + (found - wanted):
        yield f"event {event} has {found[event, path]} deliveries to {path}"


def every_event_arrived_everywhere(e: Evidence) -> Iterable[str]:
    arrived = {(event, path) for event, path in e.arrived()}
    for event in e.events:
        for path in e.paths_of(event.number):
            if (event.id, path) not in arrived:
                yield f"event {event.number} never arrived at {path}"


def nothing_arrived_that_should_not(e: Evidence) -> Iterable[str]:
    paths = {str(event.id): e.paths_of(event.number) for event in e.events}
    for arrival in e.arrivals:
        if arrival.path not in paths.get(arrival.event, ()):
            yield f"arrival {arrival.arrival}: {arrival.event!r} at {arrival.path}"


def one_id_and_one_body_each(e: Evidence) -> Iterable[str]:
    numbers = {event.id: event.number for event in e.events}
    for (event, path), arrivals in e.arrived().items():
        contents = {(a.number, a.body) for a in arrivals}
        if len(contents) != 1 or {a.number for a in arrivals} != {numbers[event]}:
            yield f"event {numbers[event]} at {path}: {sorted(contents)}"


def every_signature_is_genuine(e: Evidence) -> Iterable[str]:
    for arrival in e.arrivals:
        if arrival.refused:
            yield f"arrival {arrival.arrival} at {arrival.path}: {arrival.refused}"


def every_row_is_delivered(e: Evidence) -> Iterable[str]:
    """None is quarantined either: no row here kills workers."""
    for d in e.deliveries:
        if d.state != "delivered":
            yield f"{d.id} is {d.state} after {len(d.claims)} claims"


def attempts_are_numbered_and_end_with_success(e: Evidence) -> Iterable[str]:
    for d in e.deliveries:
        numbers = [attempt.number for attempt in d.recorded]
        if numbers != list(range(1, d.attempts + 1)):
            yield f"{d.id} counts {d.attempts} attempts and has {numbers}"
        successes = [a.number for a in d.recorded if a.outcome == "ok"]
        if d.state == "delivered" and successes != [d.attempts]:
            yield f"{d.id} was delivered by the attempts {successes} of {d.attempts}"


def only_its_owner_settles(e: Evidence) -> Iterable[str]:
    """A claim is settled or given back by who made it, and otherwise nothing changes."""
    for d in e.deliveries:
        for claim in d.claims:
            if claim.end in ("settled", "given back") and claim.owner != claim.ended_by:
                yield f"{d.id}: {claim.owner}'s claim was {claim.end} by {claim.ended_by}"
        for stray in d.strays:
            yield f"{d.id} was changed without a claim by {stray}"


def every_recorded_answer_was_given(e: Evidence) -> Iterable[str]:
    """Each to another request for the same delivery."""
    given = {a.arrival: (a.event, a.path) for a in e.arrivals}
    recorded = Counter(
        (attempt.arrival, str(d.event), d.path)
        for d in e.deliveries
        for attempt in d.recorded
        if attempt.arrival is not None
    )
    for (arrival, event, path), times in recorded.items():
        if times != 1 or given.get(arrival) != (event, path):
            yield f"arrival {arrival} is recorded {times} times for {event} at {path}"


def every_request_is_recorded_or_its_claim_was_lost(e: Evidence) -> Iterable[str]:
    """A claim makes one request at most. So more requests than attempts were received
    only where claims were lost, one for each; and never fewer, but for attempts that
    ended before there was a request."""
    arrived = e.arrived()
    for d in e.deliveries:
        requests = len(arrived.get((d.event, d.path), ()))
        outcomes = Counter(attempt.outcome for attempt in d.recorded)
        most = len(d.recorded) - sum(outcomes[o] for o in NO_REQUEST)
        least = most - sum(outcomes[o] for o in MAYBE_A_REQUEST)
        lost = sum(c.end == "lost" and c.is_begun for c in d.claims)
        if not least <= requests <= most + lost:
            yield (
                f"{d.id}: {requests} requests, {len(d.recorded)} attempts "
                f"{dict(outcomes)}, {lost} claims lost"
            )


def every_lost_claim_has_its_incident(e: Evidence) -> Iterable[str]:
    """Claims are lost by workers that were killed or frozen with the row in hand, and
    when the database goes away; never otherwise. A reservation that nobody began is no
    loss: brokers forget."""
    for d in e.deliveries:
        for claim in d.claims:
            if claim.end != "lost" or not claim.is_begun:
                continue
            if not any(_explains(incident, claim) for incident in e.incidents):
                yield (
                    f"{d.id}: {claim.owner} lost it after "
                    f"{claim.ended - claim.began:.1f} s to {claim.ended_by}"
                )


def every_claim_has_ended(e: Evidence) -> Iterable[str]:
    for d in e.deliveries:
        if any(claim.end == "open" for claim in d.claims):
            yield f"{d.id}"


def statistics_count_every_attempt_once(e: Evidence) -> Iterable[str]:
    for path in e.paths:
        recorded = sum(len(d.recorded) for d in e.deliveries if d.path == path)
        if recorded != e.hours.get(path, 0):
            yield f"{path}: {e.hours.get(path, 0)} counted, {recorded} recorded"


def the_storm_was_felt(e: Evidence) -> Iterable[str]:
    """A soak in which nothing was in hand when it was killed has proved nothing."""
    if not lost(e.deliveries) + forgotten(e.deliveries):
        yield "no claim was lost"
    kinds = {incident.kind for incident in e.incidents}
    if e.few_paths and "kill between pieces" not in kinds:
        yield "no worker was killed between two pieces of a fan-out"


def every_process_ended_as_it_was_told(e: Evidence) -> Iterable[str]:
    return e.ended_badly


def no_worker_met_an_error(e: Evidence) -> Iterable[str]:
    """A settlement that only a constraint of the database refuses is none of a stale
    owner's that was refused by its token."""
    return e.errors


INVARIANTS: tuple[Callable[[Evidence], Iterable[str]], ...] = (
    every_event_exists_once_and_whole,
    every_event_arrived_everywhere,
    nothing_arrived_that_should_not,
    one_id_and_one_body_each,
    every_signature_is_genuine,
    every_row_is_delivered,
    attempts_are_numbered_and_end_with_success,
    only_its_owner_settles,
    every_recorded_answer_was_given,
    every_request_is_recorded_or_its_claim_was_lost,
    every_lost_claim_has_its_incident,
    every_claim_has_ended,
    statistics_count_every_attempt_once,
    the_storm_was_felt,
    every_process_ended_as_it_was_told,
    no_worker_met_an_error,
)


def offenders(evidence: Evidence) -> Mapping[str, list[str]]:
    """Of each invariant, by its name."""
    return {check.__name__: list(check(evidence)) for check in INVARIANTS}


def unrecorded(e: Evidence) -> int:
    """Requests that were received and are not recorded."""
    made = sum(
        attempt.outcome not in NO_REQUEST
        for delivery in e.deliveries
        for attempt in delivery.recorded
    )
    return len(e.arrivals) - made


def lost(deliveries: Iterable[Delivery]) -> int:
    return sum(c.end == "lost" and c.is_begun for d in deliveries for c in d.claims)


def _explains(incident: Incident, claim: Claim) -> bool:
    # A thread that waits for the database sleeps a little longer than it is away.
    after = LONGEST_PAUSE if incident.is_of_database else 0.0
    return (
        (incident.is_of_database or incident.name == claim.owner)
        and incident.began <= claim.ended
        and incident.ended + after >= claim.began
    )


def quarantined(deliveries: Iterable[Delivery]) -> int:
    return sum(d.state == "exhausted" for d in deliveries)


def forgotten(deliveries: Iterable[Delivery]) -> int:
    """Reservations that ran out."""
    return sum(c.end == "lost" and not c.is_begun for d in deliveries for c in d.claims)
