"""Settlements as the columns that one statement writes."""

from collections.abc import Sequence
from types import SimpleNamespace

import orjson

from webhooks.delivery.job import Settlement
from webhooks.models.arrays import (
    Array,
    byteas,
    floats,
    ints,
    jsonbs,
    moments,
    texts,
    uuids,
)
from webhooks.models.ids import time_ordered

_NO_ATTEMPT = SimpleNamespace(
    number=None,
    started_at=None,
    duration_ms=None,
    lookup_ms=None,
    connect_ms=None,
    request_headers=None,
    request_body=None,
    response_headers=None,
    response_body=None,
    error=None,
)


def of(settlements: Sequence[Settlement]) -> dict[str, Array]:
    """Their values by the names that the statement uses."""
    jobs = [s.job for s in settlements]
    attempts = [s.attempt or _NO_ATTEMPT for s in settlements]
    return {
        "id": uuids([job.id for job in jobs]),
        "token": uuids([job.token for job in jobs]),
        "endpoint": uuids([job.endpoint_id for job in jobs]),
        "state": texts([s.state.value for s in settlements]),
        "wait": floats(
            [s.wait.total_seconds() if s.wait else 0.0 for s in settlements]
        ),
        "outcome": texts([s.outcome for s in settlements]),
        "status": ints([s.status for s in settlements]),
        "reason": texts([s.reason for s in settlements]),
        "attempt": uuids([time_ordered() if s.attempt else None for s in settlements]),
        "number": ints([a.number for a in attempts]),
        "started_at": moments([a.started_at for a in attempts]),
        "duration_ms": ints([a.duration_ms for a in attempts]),
        "lookup_ms": ints([a.lookup_ms for a in attempts]),
        "connect_ms": ints([a.connect_ms for a in attempts]),
        "request_headers": jsonbs([_json(a.request_headers) for a in attempts]),
        "request_body": byteas([a.request_body for a in attempts]),
        "response_headers": jsonbs([_json(a.response_headers) for a in attempts]),
        "response_body": byteas([a.response_body for a in attempts]),
        "error": texts([a.error for a in attempts]),
    }


NAMES = tuple(of([]))


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
