"""How subscriptions and their endpoints are doing, in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from webhooks.models import Endpoint, Subscription

ON, OFF, FAILING, DISABLED, DELETED = "on", "off", "failing", "disabled", "deleted"

STATES = {
    ON: ("On", "success"),
    FAILING: ("Failing", "danger"),
    OFF: ("Off", "info"),
    DISABLED: ("Disabled", "danger"),
    DELETED: ("Deleted", "warning"),
}
"""State of a subscription -> how its badge reads, and its colour."""

_ILL = Q(failing_since__isnull=False) | Q(disabled_at__isnull=False)


@dataclass(frozen=True)
class Standing:
    state: str
    says: str

    @property
    def badge(self) -> tuple[str, str]:
        return STATES[self.state]


@dataclass(frozen=True)
class Health:
    """An endpoint, and how it is doing."""

    endpoint: Endpoint
    badge: tuple[str, str]
    is_paused: bool


def state(subscription: Subscription, live: Iterable[Endpoint]) -> str:
    """One word for it; `live` are its live endpoints. `in_state` asks the same of rows."""
    if subscription.deleted_at is not None:
        return DELETED
    if not subscription.is_active:
        return OFF
    if subscription.disabled_at is not None:
        return DISABLED
    return FAILING if any(map(_is_ill, live)) else ON


def in_state(wanted: str) -> Q:
    """Subscriptions in that state."""
    if wanted == DELETED:
        return Q(deleted_at__isnull=False)
    live = Q(deleted_at=None)
    if wanted == OFF:
        return live & Q(is_active=False)
    if wanted == DISABLED:
        return live & Q(is_active=True, disabled_at__isnull=False)
    ill = Q(Exists(Endpoint.objects.live().filter(_ILL, subscription=OuterRef("id"))))
    receiving = live & Q(is_active=True, disabled_at=None)
    return receiving & (ill if wanted == FAILING else ~ill)


def of(subscription: Subscription, live: Sequence[Endpoint]) -> Standing:
    """Its state, and what that means for the events that happen now."""
    found = state(subscription, live)
    return Standing(found, _meaning(subscription, live, found))


def _meaning(subscription: Subscription, live: Sequence[Endpoint], found: str) -> str:
    if found == DELETED:
        return (
            "Its partner no longer finds it, and nothing is queued for it. "
            "This page keeps what it was."
        )
    if not subscription.partner.is_active:
        return "Its partner is inactive: no new events are queued for it."
    if found == OFF:
        return (
            "Its owner, or staff, switched it off: no new events are queued. "
            "Edit it to switch it on."
        )
    if found == DISABLED:
        return (
            "The portal called its URLs no more: no new events are queued. "
            "Enable it once the receiver is mended."
        )
    if not live:
        return "It has no URL: its events are noted, and sent nowhere."
    if found == FAILING:
        return _trouble(live)
    return "Every event that it wants is sent to it."


def _trouble(live: Sequence[Endpoint]) -> str:
    given_up = [e for e in live if e.disabled_at is not None]
    failing = [e for e in live if e.disabled_at is None and _is_ill(e)]
    says = []
    if failing:
        says.append(
            f"{_urls(len(failing))} did not accept what was sent last. Events are still "
            "queued, and what failed is tried again on the schedule."
        )
    if given_up:
        says.append(
            f"{_urls(len(given_up))} is called no more until it is enabled again."
            if len(given_up) == 1
            else f"{_urls(len(given_up))} are called no more until they are enabled again."
        )
    return " ".join(says)


def _urls(number: int) -> str:
    return "One URL" if number == 1 else f"{number} URLs"


def health(endpoint: Endpoint, *, now: datetime) -> Health:
    is_paused = endpoint.open_until is not None and endpoint.open_until > now
    if endpoint.disabled_at is not None:
        badge = ("Disabled", "danger")
    elif endpoint.failing_since is not None:
        badge = ("Failing", "danger")
    elif is_paused:
        badge = ("Paused", "warning")
    else:
        badge = ("Healthy", "success")
    return Health(endpoint, badge, is_paused=is_paused and endpoint.disabled_at is None)


def _is_ill(endpoint: Endpoint) -> bool:
    return endpoint.failing_since is not None or endpoint.disabled_at is not None
