"""How a delivery stands: what was tried, and what comes next."""

from dataclasses import dataclass
from datetime import datetime

from webhooks.console import labels, untrusted_text
from webhooks.models import Attempt, Delivery

from . import curl

MOST_SHOWN = 50
"""Attempts of one delivery that its page shows; no schedule has as many."""

_SOON = 2
_LATEST = 30
"""Seconds between two looks at a delivery that is not over: while something happens, and
at most."""


@dataclass(frozen=True)
class Step:
    """One attempt as the page shows it."""

    attempt: Attempt
    says: str
    succeeded: bool
    sent: str
    headers: str
    body: str
    curl: str
    needs_file: bool


@dataclass(frozen=True)
class Progress:
    delivery: Delivery
    steps: list[Step]
    earlier: int  # attempts before those
    request: Attempt | None  # the one whose request body was kept
    request_body: str
    # In how many seconds to look again; None when it is over.
    again_in: int | None

    @property
    def is_missed(self) -> bool:
        """Whether it can be recovered, together with what else was missed."""
        is_deleted = self.delivery.subscription.deleted_at is not None
        is_test = self.delivery.reason == Delivery.TRIED_ONCE
        return self.delivery.state in labels.FAILED and not (is_deleted or is_test)


def of(delivery: Delivery, *, now: datetime) -> Progress:
    """Reads the attempts: two statements."""
    log = delivery.attempt_log.order_by("-number").defer("request_body")
    attempts = list(log[:MOST_SHOWN])
    kept = delivery.attempt_log.filter(request_body__isnull=False)
    request = kept.order_by("number").only("delivery", "request_body").first()
    body = bytes(request.request_body or b"") if request else None
    return Progress(
        delivery=delivery,
        steps=[_step(delivery, attempt, body) for attempt in attempts],
        earlier=attempts[-1].number - 1 if attempts else 0,
        request=request,
        request_body="" if body is None else untrusted_text.indented(body),
        again_in=again_in(delivery, now),
    )


def _step(delivery: Delivery, attempt: Attempt, body: bytes | None) -> Step:
    # Without headers nothing was sent: it failed before.
    sent = attempt.request_headers and body is not None
    line = curl.line(delivery.url, attempt, body or b"") if sent else ""
    return Step(
        attempt=attempt,
        says=labels.outcome(attempt.outcome),
        succeeded=labels.is_success(attempt),
        sent=untrusted_text.of_headers(attempt.request_headers),
        headers=untrusted_text.of_headers(attempt.response_headers),
        body=untrusted_text.of_bytes(bytes(attempt.response_body)),
        curl=line,
        needs_file=line.endswith(f"@{curl.FILE}"),
    )


def again_in(delivery: Delivery, now: datetime) -> int | None:
    if delivery.state != Delivery.State.PENDING or delivery.due_at is None:
        return None
    if delivery.claim_token is not None:
        return _SOON
    wait = (delivery.due_at - now).total_seconds()
    return round(min(max(wait, _SOON), _LATEST))
