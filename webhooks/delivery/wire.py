"""Wire profiles: the event names, body, signature and schedule of a delivery, and their registry.

A profile names the events it can express, renders the body, signs it and has the schedule of
retries; nothing here sends. The bytes that are signed are the bytes that are sent. A body is
rendered from stored values alone, so that every attempt of a delivery sends the same one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from .schedule import Schedule


@dataclass(slots=True)
class Message:
    """One event on its way to one endpoint, in stored values only."""

    event_id: UUID
    event_name: str  # in the profile's own words
    event_type: str  # canonical
    occurred_at: datetime
    data: Any
    url: str
    subscription_id: str  # as its dialect shows it


@dataclass(slots=True)
class Signing:
    """The values that one attempt signs."""

    event_id: UUID
    timestamp: int  # Unix seconds of this attempt
    body: bytes
    secrets: Sequence[str]  # every live one, oldest first


def unsigned(signing: Signing) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class WireProfile:
    """The rules for deliveries to the subscribers of one dialect."""

    name: str
    # Canonical event type -> the profile's own name for it.
    event_names: Mapping[str, str]
    # Whether a type that is not in the table is sent under its canonical name; otherwise
    # the profile has no name for it, and it is not sent.
    passes_unknown: bool = False
    render: Callable[[Message], bytes]
    sign: Callable[[Signing], Mapping[str, str]] = unsigned
    # Whether a subscription that has no list of events is sent every one.
    null_is_every: bool = False
    # The entry of a list that stands for every event, such as `all`; empty for none.
    every_event: str = ""
    schedule: Schedule
    timeout: float  # seconds for connect, TLS, headers and body together
    # A fresh signing secret in the vendor's form; None where nothing is signed.
    new_secret: Callable[[], str] | None = None
    # Whether a secret that a person supplies has the vendor's form.
    takes_secret: Callable[[str], bool] = lambda secret: False
    # Headers of every attempt that depend on the event alone.
    headers: Callable[[UUID], Mapping[str, str]] = field(default=lambda event_id: {})

    def name_of(self, event_type: str) -> str | None:
        """The profile's name for a canonical type; None when it has none."""
        name = self.event_names.get(event_type)
        return event_type if name is None and self.passes_unknown else name

    def is_every(self, events: Sequence[str] | None) -> bool:
        """Whether the events stored with a subscription stand for every event."""
        if events is None:
            return self.null_is_every
        return bool(self.every_event) and self.every_event in events

    def matches(self, events: Sequence[str] | None, name: str) -> bool:
        """Whether the events stored with a subscription include one of this name."""
        return self.is_every(events) or name in (events or ())

    @property
    def signs_with_every_secret(self) -> bool:
        """Whether the signatures of several secrets fit into its headers. Where they do
        not, the oldest live one signs. Asked of `sign` itself, which cannot be wrong."""
        if self.new_secret is None:
            return False
        older, newer = self.new_secret(), self.new_secret()
        both, one = (
            self.sign(Signing(UUID(int=0), 0, b"", secrets))
            for secrets in ((older, newer), (older,))
        )
        return both != one


class UnknownProfile(Exception):
    """No profile of that name is registered."""


class DuplicateProfile(Exception):
    """A profile of that name is registered already."""


_profiles: dict[str, WireProfile] = {}


def register(profile: WireProfile) -> None:
    """Raises DuplicateProfile; registering the same value again changes nothing."""
    if _profiles.setdefault(profile.name, profile) is not profile:
        raise DuplicateProfile(profile.name)


def profile(name: str) -> WireProfile:
    """Raises UnknownProfile."""
    try:
        return _profiles[name]
    except KeyError:
        raise UnknownProfile(name) from None


def profiles() -> Mapping[str, WireProfile]:
    return dict(_profiles)
