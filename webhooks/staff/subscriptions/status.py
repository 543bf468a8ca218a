"""What the state of a subscription means for events that are published now."""

from collections.abc import Sequence

from webhooks.models import Endpoint, Subscription

State = Subscription.State

_MEANINGS = {
    State.ON: "Every event that it is subscribed to is sent to it.",
    State.OFF: "Its owner or staff switched it off. New events are not queued. Edit it to "
    "switch it on.",
    State.DISABLED: "Deliveries to this subscription are disabled. New events are not queued. "
    "Enable it when the receiver works again.",
    State.DELETED: "Its partner no longer finds it, and new events are not queued. This page "
    "keeps what it was.",
}


def meaning(subscription: Subscription, endpoints: Sequence[Endpoint]) -> str:
    """A sentence or two for its page; `endpoints` are the live ones."""
    state = subscription.state
    if state != State.DELETED and not subscription.partner.is_active:
        return "Its partner is inactive: new events are not queued for it."
    if state in (State.ON, State.FAILING) and not endpoints:
        return "It has no URL: its events are stored, and sent nowhere."
    if state == State.FAILING:
        return _unhealthy(endpoints)
    return _MEANINGS[state]


def is_disabled(subscription: Subscription, endpoints: Sequence[Endpoint]) -> bool:
    """Whether the portal disabled some of it that its owner has on."""
    if subscription.deleted_at is not None or not subscription.is_active:
        return False
    return subscription.disabled_at is not None or any(
        endpoint.disabled_at is not None for endpoint in endpoints
    )


def _unhealthy(endpoints: Sequence[Endpoint]) -> str:
    disabled = sum(e.disabled_at is not None for e in endpoints)
    failing = sum(e.is_unhealthy for e in endpoints) - disabled
    sentences = []
    if failing:
        sentences.append(
            f"The last delivery to {failing} of its URLs failed. Events are still queued, and "
            "failed deliveries are retried on the schedule."
        )
    if disabled:
        sentences.append(
            f"Deliveries to {disabled} of its URLs are disabled until you enable them again."
        )
    return " ".join(sentences)
