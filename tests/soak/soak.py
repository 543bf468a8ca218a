"""One soak, from the first event to the evidence."""

import time
from collections.abc import Sequence
from pathlib import Path

from django.db import DatabaseError, connections

from tests.redis_server import Redis

from . import evidence, examiner, publisher, scene
from .cluster import Cluster
from .evidence import Evidence
from .fleet import Fleet, Process, Role
from .storm import GAP, Storm

EVENTS_PER_INCIDENT = 60
END = 120.0
"""Seconds in which all is delivered when nothing happens any more; it takes a fraction,
and then what is not delivered is lost."""

REPLACED = "ended (signal 9); the next is started"
"""In what a command logs of a process of its own that the soak has killed."""

LAST = 20.0
"""Seconds in which a process ends that was told to."""


def run(
    folder: Path,
    *,
    crew: Sequence[Role],
    events: int,
    seed: int,
    cluster: Cluster | None,
    broker: Redis | None,
) -> tuple[Evidence, float]:
    """What a soak left behind, and the seconds it took."""
    started = time.time()
    log, ledger = folder / "arrivals.jsonl", folder / "acknowledged"
    incidents = max(6, events // EVENTS_PER_INCIDENT)
    with Fleet(folder) as fleet:
        port = _receiver(
            fleet, "--log", f"{log}", f"--seed={seed}", f"--events={events}"
        )
        scene.build(f"http://127.0.0.1:{port}")
        connections.close_all()

        def publish() -> Process:
            return fleet.start(
                "publisher",
                *("-m", "tests.soak.publisher", "--ledger", str(ledger)),
                *(f"--events={events}", f"--seconds={0.8 * incidents * GAP}"),
            )

        storm = Storm(
            fleet,
            seed=seed,
            publish=publish,
            crew=crew,
            cluster=cluster,
            broker=broker,
        )
        storm.rage(incidents)
        storm.calm(_is_over, seconds=END)
        ended_badly = _end(fleet, crew)
        return (
            Evidence(
                count=events,
                paths=scene.paths_of(scene.MANY),
                few_paths=scene.paths_of(scene.FEW),
                acknowledged=frozenset(publisher.numbers(ledger)),
                events=examiner.events(),
                deliveries=examiner.deliveries(),
                arrivals=evidence.arrivals(log),
                incidents=storm.incidents,
                hours=examiner.hours(),
                ended_badly=ended_badly,
                errors=_errors(fleet),
            ),
            time.time() - started,
        )


def _receiver(fleet: Fleet, *arguments: str) -> int:
    """Its port."""
    receiver = fleet.start("receiver", "-m", "tests.soak.receiver", *arguments)
    end = time.time() + 30
    while not (said := receiver.log.read_text()).endswith("\n"):
        assert receiver.is_running, said
        assert time.time() < end, "The receiver does not start."
        time.sleep(0.05)
    return int(said)


def _is_over() -> bool:
    try:
        return examiner.is_all_settled()
    except DatabaseError:
        connections.close_all()  # it may still be starting
        return False


def _end(fleet: Fleet, crew: Sequence[Role]) -> Sequence[str]:
    """Tell the workers to end; what is wrong with how anything ended."""
    for role in crew:
        for worker in fleet.running(role.name):
            worker.stop()
    asked = [p for p in fleet.all if not p.name.startswith("receiver")]
    return [bad for p in asked if (bad := p.ended_badly(within=LAST))]


def _errors(fleet: Fleet) -> Sequence[str]:
    return [
        f"{process.name}: {line}"
        for process in fleet.all
        for line in process.log.read_text().splitlines()
        if " ERROR " in line and REPLACED not in line
    ]
