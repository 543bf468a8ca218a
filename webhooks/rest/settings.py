"""What the settings of a subscription consist of, for whoever draws a form of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from webhooks.delivery.wire import WireProfile
from webhooks.models import EventType
from webhooks.operations import pacing

LONGEST_NAME = 255


class Kind(StrEnum):
    """What a field takes, and what its value is."""

    TEXT = "text"  # a str, empty for none
    URL = "url"  # a str, empty for none
    URLS = "urls"  # a list of str
    EVENT = "event"  # a str, empty for none
    EVENTS = "events"  # a list of str, or None where `none_means` says what that is
    FLAG = "flag"  # a bool
    KEY = "key"  # a str: the id of one of the partner's keys
    SECRETS = "secrets"  # a list of str, never shown again
    NUMBER = "number"  # an int, or None


class Group(StrEnum):
    """The part of the form in which a field stands."""

    DIALECT = "dialect"  # what the partner sees
    PORTAL = "portal"  # what only the portal knows
    PACE = "pace"  # how gently it is called


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    says: str = ""  # what it stands for


@dataclass(frozen=True, kw_only=True)
class Field:
    name: str
    label: str
    kind: Kind
    group: Group = Group.DIALECT
    required: bool = False
    help: str = ""
    choices: Sequence[Choice] = ()
    # Whether values beside the choices may be given.
    is_open: bool = False
    # How many there may be, or characters of a text, or the greatest number.
    most: int | None = None
    # What it stands for that none is chosen; empty where one has to be.
    none_means: str = ""


def events(profile: WireProfile, listed: Sequence[str] | None = None) -> list[Choice]:
    """A profile's own names with what each stands for, then those that a subscription
    lists beside them."""
    says = dict(EventType.objects.values_list("name", "description"))
    choices = [
        Choice(name, name, says.get(type_, ""))
        for type_, name in profile.event_names.items()
    ]
    known = {choice.value for choice in choices}
    return choices + [
        Choice(name, name) for name in dict.fromkeys(listed or ()) if name not in known
    ]


OWN = (
    Field(
        name="name",
        label="Name",
        kind=Kind.TEXT,
        group=Group.PORTAL,
        most=LONGEST_NAME,
        help="What it is called in this console. The partner is not shown it.",
    ),
    Field(
        name="is_active",
        label="Deliveries are on",
        kind=Kind.FLAG,
        group=Group.PORTAL,
        help="Switched off, later events are not sent. The partner's API has no such "
        "switch and does not show it.",
    ),
    Field(
        name="max_in_flight",
        label="Requests under way at once",
        kind=Kind.NUMBER,
        group=Group.PACE,
        most=pacing.LIMITS["max_in_flight"],
        help="To each URL. Empty: as many as the portal's own limit allows.",
    ),
    Field(
        name="rate_per_minute",
        label="Requests a minute",
        kind=Kind.NUMBER,
        group=Group.PACE,
        most=pacing.LIMITS["rate_per_minute"],
        help="To each URL. Empty: as fast as it answers.",
    ),
    Field(
        name="is_ordered",
        label="In order",
        kind=Kind.FLAG,
        group=Group.PACE,
        help="One delivery at a time, in the order of the events: one that keeps "
        "failing holds up all behind it until it is given up.",
    ),
)
"""What the portal keeps beside every dialect's settings; a dialect that has a word of its
own for one of them says so in `Desk.says`."""
