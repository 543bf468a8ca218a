"""What a soak prints."""
# ruff: noqa: T201

from collections import Counter

from . import invariants
from .evidence import Evidence, has_many

SHOWN = 5
"""Offenders of one invariant that are named."""


def show(evidence: Evidence, seconds: float) -> int:
    """A table; the number of invariants that do not hold, which is the exit status."""
    figures = {
        "events": len(evidence.events),
        "events in pieces": sum(has_many(event.number) for event in evidence.events),
        "deliveries": len(evidence.deliveries),
        "requests received": len(evidence.arrivals),
        "attempts recorded": sum(len(d.recorded) for d in evidence.deliveries),
        "received and not recorded": invariants.unrecorded(evidence),
        "claims lost": invariants.lost(evidence.deliveries),
        "reservations run out": invariants.forgotten(evidence.deliveries),
        "deliveries quarantined": invariants.quarantined(evidence.deliveries),
        "incidents": _counted(incident.kind for incident in evidence.incidents),
        "answers": _counted(arrival.answer for arrival in evidence.arrivals),
        "outcomes": _counted(
            attempt.outcome for d in evidence.deliveries for attempt in d.recorded
        ),
        "seconds": f"{seconds:.0f}",
    }
    for name, figure in figures.items():
        print(f"  {name:26} {figure}")
    broken = 0
    for name, offenders in invariants.offenders(evidence).items():
        words = name.replace("_", " ")
        print(f"  {'FAILED' if offenders else 'ok':7} {words}")
        for offender in offenders[:SHOWN]:
            print(f"          {offender}")
        if len(offenders) > SHOWN:
            print(f"          and {len(offenders) - SHOWN} more")
        broken += bool(offenders)
    return broken


def _counted(names) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(names).most_common())
