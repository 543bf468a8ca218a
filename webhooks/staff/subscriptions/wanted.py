"""Which events a subscription wants: in its dialect's words, and what each stands for."""

from collections.abc import Iterable, Mapping
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
    """The canonical type; None where nothing that is published has this name."""
    description: str


@dataclass(frozen=True)
class Wanted:
    is_everything: bool
    names: list[Name]
    """What is listed; where everything is wanted, all that the dialect can say."""
    more: int = 0
    """How many are listed after those."""

    @property
    def count(self) -> int:
        return len(self.names) + self.more


def of(subscription: Subscription) -> Wanted:
    """Reads the catalogue: one statement."""
    catalogue = _catalogue()
    profile = wire.profiles().get(subscription.profile)
    events = subscription.events or []
    listed, more = events[:MOST_NAMED], len(events[MOST_NAMED:])
    if profile is None:
        return Wanted(False, [Name(text, None, "") for text in listed], more)
    if profile.is_every(subscription.events):
        return Wanted(True, list(_sayable(profile, catalogue)))
    types = {name: type for type, name in profile.event_names.items()}
    names = [_name(profile, types, text, catalogue) for text in listed]
    return Wanted(False, names, more)


def testable(subscription: Subscription) -> list[Name]:
    """What a test of it may be: what it wants, after the dialect's own test event."""
    profile = wire.profiles().get(subscription.profile)
    if profile is None:
        return []
    found = [
        name
        for name in _sayable(profile, _catalogue())
        if name.type != testing.TYPE and profile.matches(subscription.events, name.text)
    ]
    text = profile.name_of(testing.TYPE)
    if text is not None:
        found.insert(0, Name(text, testing.TYPE, "Only a test: nothing happened."))
    return found


def _sayable(profile: WireProfile, catalogue: Mapping[str, str]) -> Iterable[Name]:
    types = dict.fromkeys(profile.event_names)
    if profile.passes_unknown:
        types |= dict.fromkeys(catalogue)
    for type in types:
        text = profile.name_of(type)
        if text is not None:
            yield Name(text, type, catalogue.get(type, ""))


def _name(
    profile: WireProfile,
    types: Mapping[str, str],
    text: str,
    catalogue: Mapping[str, str],
) -> Name:
    type = types.get(text, text if profile.passes_unknown else None)
    return Name(text, type, catalogue.get(type or "", ""))


def _catalogue() -> dict[str, str]:
    """Canonical type -> what it says."""
    rows = EventType.objects.order_by("name").values_list("name", "description")
    return dict(rows)
