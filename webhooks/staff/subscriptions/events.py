"""The events of a subscription: in its dialect's words, with what each of them means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from webhooks.delivery import wire
from webhooks.delivery.wire import WireProfile
from webhooks.models import EventType, Subscription
from webhooks.operations import testing

MOST_NAMED = 500
"""Names that a page shows of a subscription: an open list has as many as a body holds."""


@dataclass(frozen=True)
class Name:
    """An event in the dialect's words."""

    text: str
    type: str | None
    """The canonical type; None when nothing that is published has this name."""
    description: str


@dataclass(frozen=True)
class SubscribedEvents:
    is_every: bool
    names: list[Name]
    """What is listed; for every event, all that the dialect has a name for."""
    more: int = 0
    """How many are listed after those."""

    @property
    def count(self) -> int:
        return len(self.names) + self.more


def of(subscription: Subscription) -> SubscribedEvents:
    """Reads the catalogue: one statement."""
    catalogue = _catalogue()
    profile = wire.profiles().get(subscription.profile)
    events = subscription.events or []
    listed, more = events[:MOST_NAMED], len(events[MOST_NAMED:])
    if profile is None:
        return SubscribedEvents(False, [Name(text, None, "") for text in listed], more)
    if profile.is_every(subscription.events):
        return SubscribedEvents(True, list(_nameable(profile, catalogue)))
    types = {name: type for type, name in profile.event_names.items()}
    names = []
    for text in listed:
        type = types.get(text, text if profile.passes_unknown else None)
        names.append(Name(text, type, catalogue.get(type or "", "")))
    return SubscribedEvents(False, names, more)


def testable(subscription: Subscription) -> list[Name]:
    """What it can be tested with: the dialect's own test event, then its own events."""
    profile = wire.profiles().get(subscription.profile)
    if profile is None:
        return []
    found = [
        name
        for name in _nameable(profile, _catalogue())
        if name.type != testing.TYPE and profile.matches(subscription.events, name.text)
    ]
    text = profile.name_of(testing.TYPE)
    if text is not None:
        found.insert(0, Name(text, testing.TYPE, "Only a test: nothing happened."))
    return found


def _nameable(profile: WireProfile, catalogue: Mapping[str, str]) -> Iterator[Name]:
    """Every event that the dialect has a name for."""
    types = dict.fromkeys(profile.event_names)
    if profile.passes_unknown:
        types |= dict.fromkeys(catalogue)
    for type in types:
        text = profile.name_of(type)
        if text is not None:
            yield Name(text, type, catalogue.get(type, ""))


def _catalogue() -> dict[str, str]:
    """Canonical type -> description."""
    rows = EventType.objects.order_by("name").values_list("name", "description")
    return dict(rows)
