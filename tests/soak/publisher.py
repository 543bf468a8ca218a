"""Publishes numbered events, a batch at a time: `python -m tests.soak.publisher`.

A number is the event's idempotency key, and what was committed is noted in a file. A
publisher that was killed is started again and goes on after its last note: what had been
committed and not noted is published a second time, and found by its key.
"""

import argparse
import time
from pathlib import Path

import django
from django.db import InterfaceError, OperationalError, connection

from .evidence import has_many

BATCH = 5


def numbers(ledger: Path) -> set[int]:
    """What was acknowledged. Each batch is one write, which a kill does not divide."""
    return set(map(int, ledger.read_text().split())) if ledger.exists() else set()


def main(*, ledger: Path, events: int, seconds: float) -> None:
    from webhooks.models import Partner

    done = numbers(ledger)
    pause = seconds * BATCH / events
    with ledger.open("a") as file:
        for first in range(0, events, BATCH):
            batch = [
                n for n in range(first, min(first + BATCH, events)) if n not in done
            ]
            if not batch:
                continue
            print(batch[0], flush=True)  # noqa: T201 - now is the time to be killed
            while not _published(Partner, batch):
                time.sleep(0.1)
            file.write("".join(f"{number}\n" for number in batch))
            file.flush()
            time.sleep(pause)


def _published(partners, batch: list[int]) -> bool:
    """Whether it is known to be committed; the database may be away."""

    from tests.soak import scene
    from webhooks.operations import event_batches, events
    from webhooks.operations.audit import SYSTEM

    try:
        partner = partners.objects.get()
        made = event_batches.publish(
            by=SYSTEM,
            events=[
                events.NewEvent(
                    partner=partner,
                    type=scene.MANY if has_many(number) else scene.FEW,
                    data={"number": number, "note": "x" * 200},
                    idempotency_key=str(number),
                )
                for number in batch
            ],
        )
    except (OperationalError, InterfaceError):
        connection.close()
        return False
    assert all(
        isinstance(one, events.Published | event_batches.NotStored) for one in made
    ), made
    return all(isinstance(one, events.Published) for one in made)


if __name__ == "__main__":
    django.setup()
    parser = argparse.ArgumentParser()
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    main(**vars(parser.parse_args()))
