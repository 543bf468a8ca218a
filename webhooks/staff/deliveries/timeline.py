"""The attempts of a delivery, as its page shows them, and when the page is refreshed."""

import shlex
from dataclasses import dataclass
from datetime import datetime

from webhooks.console import labels, untrusted_text
from webhooks.delivery.result import Outcome
from webhooks.models import Attempt, Delivery

MOST_SHOWN = 50
"""Attempts of one delivery that its page shows; no schedule has as many."""

MOST_INLINE = 16 * 1024
"""Bytes of a body that stand in the curl command; a longer one is read from a file."""

BODY_FILE = "body.json"

_SOONEST = 2
_LATEST = 30
"""Seconds after which the page of a delivery that is not settled is refreshed."""


@dataclass(frozen=True)
class Step:
    """One attempt."""

    attempt: Attempt
    result: str
    succeeded: bool
    sent: str
    headers: str
    body: str
    curl: str

    @property
    def needs_file(self) -> bool:
        return self.curl.endswith(f"@{BODY_FILE}")


@dataclass(frozen=True)
class Timeline:
    steps: list[Step]
    earlier: int  # attempts before those
    request: Attempt | None  # the one whose request body was kept
    request_body: str
    # Seconds until the page is refreshed; None when the delivery is settled.
    again_in: int | None


def of(delivery: Delivery, *, now: datetime) -> Timeline:
    """Reads the attempts: two statements."""
    log = delivery.attempt_log.order_by("-number").defer("request_body")
    attempts = list(log[:MOST_SHOWN])
    kept = delivery.attempt_log.filter(request_body__isnull=False)
    request = kept.order_by("number").only("delivery", "request_body").first()
    body = bytes(request.request_body or b"") if request else None
    return Timeline(
        steps=[step(attempt, delivery.url, body) for attempt in attempts],
        earlier=attempts[-1].number - 1 if attempts else 0,
        request=request,
        request_body="" if body is None else untrusted_text.indented(body),
        again_in=again_in(delivery, now),
    )


def again_in(delivery: Delivery, now: datetime) -> int | None:
    if delivery.state != Delivery.State.PENDING or delivery.due_at is None:
        return None
    if delivery.claim_token is not None:
        return _SOONEST
    wait = (delivery.due_at - now).total_seconds()
    return round(min(max(wait, _SOONEST), _LATEST))


def curl(url: str, attempt: Attempt, body: bytes) -> str:
    """The request for a POSIX shell: bytes and headers as sent, signature included."""
    words = ["curl", "--globoff", "--include", "--request", "POST", url]
    for name, value in attempt.request_headers.items():
        words += ["--header", f"{name}: {value}"]
    text = _inline(body)
    # Not --data, which takes a text that begins with @ for the name of a file.
    words += (
        ["--data-binary", f"@{BODY_FILE}"] if text is None else ["--data-raw", text]
    )
    return shlex.join(words)


def step(attempt: Attempt, url: str = "", body: bytes | None = None) -> Step:
    """Without a body, there is no curl command."""
    # Without headers nothing was sent: it failed before.
    was_sent = attempt.request_headers and body is not None
    return Step(
        attempt=attempt,
        result=labels.outcome(attempt.outcome),
        succeeded=attempt.outcome == Outcome.OK,
        sent=untrusted_text.of_headers(attempt.request_headers),
        headers=untrusted_text.of_headers(attempt.response_headers),
        body=untrusted_text.of_bytes(bytes(attempt.response_body)),
        curl=curl(url, attempt, body or b"") if was_sent else "",
    )


def _inline(body: bytes) -> str | None:
    if len(body) > MOST_INLINE or b"\0" in body:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
