"""What is stored in a word, said in a sentence."""

from collections.abc import Mapping

from webhooks.delivery.attempt import ERROR
from webhooks.delivery.result import Outcome
from webhooks.models import Attempt, Delivery

State = Delivery.State

TONES: Mapping[str, str] = {
    State.PENDING: "info",
    State.DELIVERED: "success",
    State.EXHAUSTED: "danger",
    State.CANCELLED: "warning",
    State.NOT_SENT: "warning",
}
"""The colour of a state's badge."""

STATES: Mapping[str, str] = {
    State.PENDING: "Pending",
    State.DELIVERED: "Delivered",
    State.EXHAUSTED: "Exhausted",
    State.CANCELLED: "Cancelled",
    State.NOT_SENT: "Not sent",
}

FAILED = (State.EXHAUSTED, State.CANCELLED, State.NOT_SENT)
"""The states of what ended without arriving; the index of failed deliveries is of these."""

OUTCOMES: Mapping[str, str] = {
    Outcome.OK: "Accepted",
    Outcome.STATUS: "Refused by the endpoint",
    Outcome.REDIRECT: "Redirected, which is not followed",
    Outcome.REFUSED: "Not allowed: the URL or its address may not be called",
    Outcome.DNS: "Host name not found",
    Outcome.CONNECT: "No connection",
    Outcome.TLS: "TLS failed: the certificate is not valid for the host",
    Outcome.TIMEOUT: "No complete answer in time",
    Outcome.BAD_ANSWER: "The answer was broken",
    ERROR: "Failed on our side, before anything was sent",
}
"""How an attempt ended."""


def outcome(stored: str) -> str:
    return OUTCOMES.get(stored, stored.capitalize())


def is_success(attempt: Attempt) -> bool:
    return attempt.outcome == Outcome.OK
