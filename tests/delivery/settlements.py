"""Results of deliveries that nobody sent, for tests of what is written of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from webhooks.delivery import outbox
from webhooks.delivery.job import AttemptRecord, Job, Settlement
from webhooks.models import Delivery


def claimed(limit: int = 100) -> list[Job]:
    return outbox.load(outbox.claim(limit=limit))


def result(
    job: Job,
    state: Delivery.State = Delivery.State.DELIVERED,
    *,
    duration_ms: int = 12,
    **fields: Any,
) -> Settlement:
    record = AttemptRecord(
        number=job.attempts + 1,
        started_at=datetime(2026, 11, 21, 10, 0, 0, 5, tzinfo=UTC),
        duration_ms=duration_ms,
        lookup_ms=3,
        connect_ms=None,
        request_headers={"webhook-id": "1"},
        response_headers=(("X-Said", "caf\xe9"),),
        response_body=b"\x00\xffok",
        error="",
    )
    about: dict[str, Any] = {"job": job, "state": state, "outcome": "ok"}
    return Settlement(**about | {"attempt": record} | fields)


def retry(
    job: Job, wait: timedelta = timedelta(minutes=5), **fields: Any
) -> Settlement:
    failed: dict[str, Any] = {"outcome": "status", "status": 500, "wait": wait}
    return result(job, Delivery.State.PENDING, **failed | fields)
