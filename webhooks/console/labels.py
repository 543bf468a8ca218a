"""The labels and colours of stored values, for the console and the admin."""

from collections.abc import Mapping

from django.db.models import TextChoices

from webhooks.delivery.attempt import ERROR
from webhooks.delivery.result import Outcome
from webhooks.models import (
    ApiKey,
    Delivery,
    Endpoint,
    Notice,
    Partner,
    Recovery,
    Subscription,
)
from webhooks.operations import keys

COLOURS: Mapping[type[TextChoices], Mapping[str, str]] = {
    Partner.State: {
        Partner.State.ACTIVE: "success",
        Partner.State.INACTIVE: "warning",
    },
    ApiKey.State: {
        ApiKey.State.USABLE: "success",
        ApiKey.State.EXPIRING: "warning",
        ApiKey.State.EXPIRED: "",
        ApiKey.State.REVOKED: "danger",
        ApiKey.State.OFF: "warning",
    },
    Subscription.State: {
        Subscription.State.ON: "success",
        Subscription.State.OFF: "info",
        Subscription.State.FAILING: "danger",
        Subscription.State.DISABLED: "danger",
        Subscription.State.DELETED: "warning",
    },
    Endpoint.Health: {
        Endpoint.Health.NOT_CALLED: "",
        Endpoint.Health.HEALTHY: "success",
        Endpoint.Health.FAILING: "danger",
        Endpoint.Health.PAUSED: "warning",
        Endpoint.Health.DISABLED: "danger",
    },
    Delivery.Status: {
        Delivery.Status.PENDING: "info",
        Delivery.Status.RETRYING: "warning",
        Delivery.Status.DELIVERED: "success",
        Delivery.Status.EXHAUSTED: "danger",
        Delivery.Status.CANCELLED: "warning",
        Delivery.Status.NOT_SENT: "warning",
    },
    Recovery.State: {
        Recovery.State.RUNNING: "info",
        Recovery.State.DONE: "success",
        Recovery.State.CANCELLED: "warning",
    },
    Notice.Status: {
        Notice.Status.PENDING: "info",
        Notice.Status.SENT: "success",
        Notice.Status.FAILED: "danger",
    },
}
"""The colour of every state's badge; an empty one is grey. By class, because two states of one
name compare as equal."""

UNMATCHED = "warning"
"""The colour of the badge of an unmatched event."""

OUTCOMES: Mapping[str, str] = {
    Outcome.OK: "Accepted",
    Outcome.STATUS: "Refused by the endpoint",
    Outcome.REDIRECT: "Redirected, which is not followed",
    Outcome.REFUSED: "Not allowed: the URL or its address may not be called",
    Outcome.DNS: "Host name not found",
    Outcome.CONNECT: "No connection",
    Outcome.TLS: "TLS failed: the certificate is not valid for the host",
    Outcome.TIMEOUT: "No complete answer in time",
    Outcome.BAD_ANSWER: "Invalid response",
    ERROR: "Failed on our side, before anything was sent",
}
"""The label of each outcome of an attempt."""

SCOPES: Mapping[str, str] = {
    keys.READ: "Read webhook settings",
    keys.WRITE: "Create, change and delete webhook settings",
    keys.REVEAL: "See signing secrets",
    keys.MANAGE: "List, rotate and revoke the partner's keys, through the portal's own API",
}
"""The label of each scope of a partner's key."""

_dialects: dict[str, str] = {}


def colour(state: TextChoices) -> str:
    return COLOURS[type(state)][state]


def outcome(stored: str) -> str:
    return OUTCOMES.get(stored, stored.capitalize())


def key(key: ApiKey) -> str:
    """The beginning of a key, which everybody may see."""
    return f"whk_{key.prefix}"


def scopes(key: ApiKey) -> list[str]:
    """The scopes of the key, one phrase for each."""
    if key.partner_id is None:
        return ["Publish events, for every partner"]
    return [label for scope, label in SCOPES.items() if keys.may(key, scope)]


# As older entries name an action -> as it is named today.
_FORMER_ACTIONS = {"delivery.hastened": "delivery.sent_now"}


def action(stored: str) -> str:
    """An action of the audit log: `event_type.created` is "Event type created"."""
    stored = _FORMER_ACTIONS.get(stored, stored)
    return stored.replace(".", " ").replace("_", " ").capitalize()


def register_dialect_title(title: str, *stored: str) -> None:
    """`webhooks.apps` gives the titles: dialects are above this room."""
    _dialects.update(dict.fromkeys(stored, title))


def dialect(stored: str) -> str:
    """The title for a slug or the name of a wire profile; of one that is not installed,
    what the row says."""
    return _dialects.get(stored, stored)
