"""The context of the page of one subscription: state, events, signing, API preview and test
results.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from webhooks.console import untrusted_text
from webhooks.delivery import wire
from webhooks.delivery.wire import WireProfile
from webhooks.models import (
    Attempt,
    Delivery,
    Endpoint,
    Event,
    EventType,
    Subscription,
    encryption,
)
from webhooks.operations import given_secrets, secrets, testing
from webhooks.rest import interfaces, preview
from webhooks.staff.deliveries import timeline

# --- Its state --------------------------------------------------------------------------

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
    """Whether the portal disabled it, or one of its URLs, while its owner has it on."""
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


# --- Its events -------------------------------------------------------------------------

MOST_NAMED = 500
"""Names that a page shows of a subscription: an open list has as many as a body holds."""


@dataclass(frozen=True)
class Name:
    """An event, by its name in the dialect."""

    text: str
    type: str | None
    """The canonical type; None when nothing that is published has this name."""
    description: str


@dataclass(frozen=True)
class SubscribedEvents:
    is_every: bool
    names: list[Name]
    """The listed events; for every event, all that the dialect has a name for."""
    more: int = 0
    """The number of events after the listed ones."""

    @property
    def count(self) -> int:
        return len(self.names) + self.more


def subscribed_events(subscription: Subscription) -> SubscribedEvents:
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
    """The types of a test: the dialect's own test event, then its own events."""
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


# --- Its signing secrets ----------------------------------------------------------------


@dataclass(frozen=True)
class Signing:
    """The signing of a subscription's deliveries."""

    is_known: bool
    """Whether its wire profile is installed: only that knows whether anything is signed."""
    is_signed: bool
    signs_with_all: bool
    """Whether the signatures of several secrets fit into its headers."""
    secrets: list[secrets.Masked]


def signing(subscription: Subscription) -> Signing:
    """One statement."""
    profile = wire.profiles().get(subscription.profile)
    is_signed = profile is not None and profile.new_secret is not None
    return Signing(
        is_known=profile is not None,
        is_signed=is_signed,
        signs_with_all=profile is not None and profile.signs_with_every_secret,
        secrets=secrets.listed(subscription),
    )


# --- The API preview --------------------------------------------------------------------

UNREADABLE = (
    "A secret of it cannot be decrypted, so its dialect can answer nothing: the key that "
    "encrypted it is no longer among ENCRYPTION_KEYS."
)


@dataclass(frozen=True)
class ApiPreview:
    """The request and its response, indented."""

    request: str
    json: str
    masked: bool  # whether secrets that the dialect answers in plain are not shown
    remark: str  # what else is to be known; may be empty


def api_preview(subscription: Subscription, *, now: datetime) -> ApiPreview | None:
    """None if the subscription is deleted, or its dialect is no longer served."""
    dialect = interfaces.get(subscription.dialect)
    if dialect is None or subscription.deleted_at is not None:
        return None
    form = dialect.form
    request = form.request.format(row=subscription)
    try:
        body = preview.body(form, subscription)
    except encryption.Undecryptable:
        return ApiPreview(request, "", masked=False, remark=UNREADABLE)
    return ApiPreview(
        request,
        untrusted_text.indented(body),
        masked=given_secrets.MASK in body.decode(),
        remark=form.remark,
    )


# --- A test on its way ------------------------------------------------------------------


@dataclass(frozen=True)
class TestResult:
    event: Event
    # The delivery to each URL, with its attempts.
    deliveries: Sequence[tuple[Delivery, Sequence[timeline.Step]]]
    # Seconds until the page is refreshed; None when all are settled.
    again_in: int | None


def test_result(
    subscription: Subscription, event_id: UUID, *, now: datetime
) -> TestResult | None:
    """The answers of every URL so far; three statements. None when the event is no test of
    the subscription."""
    rows = Event.objects.filter(id=event_id, partner=subscription.partner_id)
    event = rows.defer("data").first()
    if event is None or event.attributes.get(Event.TEST_OF) != str(subscription.id):
        return None
    sent = list(
        event.deliveries.select_related("endpoint").order_by("endpoint__position", "id")
    )
    steps: dict[UUID, list[timeline.Step]] = {delivery.id: [] for delivery in sent}
    log = Attempt.objects.filter(delivery__in=sent).order_by("-number")
    for attempt in log.defer("request_body"):
        steps[attempt.delivery_id].append(timeline.step(attempt))
    looks = [timeline.again_in(delivery, now) for delivery in sent]
    return TestResult(
        event=event,
        deliveries=[(delivery, steps[delivery.id]) for delivery in sent],
        again_in=min((each for each in looks if each is not None), default=None),
    )
