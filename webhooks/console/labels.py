"""How what is stored in a word reads on a page, and in which colour."""

from collections.abc import Mapping

from webhooks.delivery.attempt import ERROR
from webhooks.delivery.result import Outcome
from webhooks.models import Attempt, Delivery, Endpoint, Notice, Recovery, Subscription

State = Delivery.State

COLOURS: Mapping[str, str] = {
    Subscription.State.ON: "success",
    Subscription.State.OFF: "info",
    Subscription.State.FAILING: "danger",
    Subscription.State.DISABLED: "danger",
    Subscription.State.DELETED: "warning",
    Endpoint.Health.NOT_CALLED: "",
    Endpoint.Health.HEALTHY: "success",
    Endpoint.Health.PAUSED: "warning",
    Delivery.Status.PENDING: "info",
    Delivery.Status.RETRYING: "warning",
    Delivery.Status.DELIVERED: "success",
    Delivery.Status.EXHAUSTED: "danger",
    Delivery.Status.CANCELLED: "warning",
    Delivery.Status.NOT_SENT: "warning",
    Recovery.State.RUNNING: "info",
    Recovery.State.DONE: "success",
    Notice.Status.SENT: "success",
    Notice.Status.FAILED: "danger",
}
"""The colour of every state's badge; without one it is grey. States of one name have one
colour, so a failing or disabled endpoint is as red as its subscription."""

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


KEY_STATES: Mapping[str, tuple[str, str]] = {
    "usable": ("Usable", "success"),
    "expiring": ("Expires soon", "warning"),
    "expired": ("Expired", ""),
    "revoked": ("Revoked", "danger"),
    "off": ("Partner off", "warning"),
}
"""Each state's name and the colour of its badge."""

_dialects: dict[str, str] = {}


def name_dialect(title: str, *stored: str) -> None:
    """Dialects are above this room: `webhooks.apps` says what each is called."""
    _dialects.update(dict.fromkeys(stored, title))


def dialect(stored: str) -> str:
    """The title for a slug or the name of a wire profile; of one that is not installed,
    what the row says."""
    return _dialects.get(stored, stored)
