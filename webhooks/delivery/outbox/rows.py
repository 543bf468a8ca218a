"""The parameters and results of the statements of both databases."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webhooks.delivery.job import Settlement
from webhooks.models.ids import time_ordered


@dataclass(frozen=True, slots=True)
class Claimed:
    rows: Sequence[tuple[UUID, int]]
    """Deliveries, each with the number of claims it has lost."""
    has_more: bool
    """An endpoint had more that was due than it was given."""


@dataclass(frozen=True, slots=True)
class Recorded:
    count: int
    noteworthy: Mapping[UUID, str]
    """The new states of those deliveries that change their endpoint's health: failures, and
    successes of an endpoint that was failing or was never called."""


def of(settlement: Settlement) -> dict[str, Any]:
    """A settlement as the columns that are written."""
    job, attempt = settlement.job, settlement.attempt
    row = {
        "id": job.id,
        "token": job.token,
        "endpoint": job.endpoint_id,
        "state": settlement.state.value,
        "wait": settlement.wait.total_seconds() if settlement.wait else 0.0,
        "outcome": settlement.outcome,
        "status": settlement.status,
        "reason": settlement.reason,
    }
    if attempt is not None:
        row |= {
            "number": attempt.number,
            "attempt": time_ordered(),
            "started_at": attempt.started_at,
            "duration_ms": attempt.duration_ms,
            "lookup_ms": attempt.lookup_ms,
            "connect_ms": attempt.connect_ms,
            "request_headers": attempt.request_headers,
            "request_body": None
            if attempt.request_body is None
            else base64.b64encode(attempt.request_body).decode(),
            "response_headers": attempt.response_headers,
            "response_body": base64.b64encode(attempt.response_body).decode(),
            "error": attempt.error,
        }
    return row
