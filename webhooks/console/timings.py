"""Where the time of an attempt went, as its parts in their order."""

from dataclasses import dataclass

from webhooks.delivery.attempt import ERROR
from webhooks.delivery.result import Outcome
from webhooks.models import Attempt

_UNASKED = frozenset(
    {Outcome.REFUSED, Outcome.DNS, Outcome.CONNECT, Outcome.TLS, ERROR}
)
"""Ended before there was a connection to ask over: what is left is our own rounding."""

_ROUNDING = 5
"""Milliseconds. A deadline that came in the lookup or the connection leaves no more."""


@dataclass(frozen=True)
class Part:
    name: str
    label: str
    start: int  # of the attempt, in milliseconds
    length: int


def parts(attempt: Attempt) -> list[Part]:
    """None of an attempt that was made before its parts were kept."""
    if attempt.lookup_ms is None and attempt.connect_ms is None:
        return []
    spans = [
        ("lookup", "name", attempt.lookup_ms),
        ("connect", "connection", attempt.connect_ms),
    ]
    known = [
        (name, label, length) for name, label, length in spans if length is not None
    ]
    left = max(attempt.duration_ms - sum(length for _, _, length in known), 0)
    if attempt.status or (attempt.outcome not in _UNASKED and left > _ROUNDING):
        known.append(("answer", "answer", left))
    shown, start = [], 0
    for name, label, length in known:
        shown.append(Part(name, label, start, length))
        start += length
    return shown
