"""The bodies of Nursa's requests and answers, checked rule by rule as class-validator does.

Each failed rule adds its message, in the order of the vendor's own sample. The rules and
their order were compared with a NestJS 10 application on 2026-11-21.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from webhooks.models import Attempt, Delivery
from webhooks.operations import endpoints
from webhooks.rest.answers import Answer, Computed, Shown
from webhooks.rest.extras import unrecognised

from . import wire

EVENTS = (wire.ALL, *wire.EVENT_NAMES.values())
MAX_SECRETS = 2

URL_NOT_SECURE = "should be a secure URL with HTTPS"
URL_NOT_TEXT = "url must be a string"
EVENTS_EMPTY = "events must contain at least 1 elements"
EVENTS_NOT_ARRAY = "events must be an array"
EVENTS_UNKNOWN = (
    f"each value in events must be one of the following values: {', '.join(EVENTS)}"
)
SECRETS_TOO_MANY = f"secrets must contain no more than {MAX_SECRETS} elements"
SECRETS_NOT_ARRAY = "secrets must be an array"
# [D] The sample has no message for an element; this is class-validator's usual one.
SECRET_NOT_TEXT = "each value in secrets must be a string"  # noqa: S105 - a message


class UpdateWebhook(serializers.Serializer[Any]):
    """What is to change of a user webhook; `events` is always required."""

    # It validates to the arguments of an operation, without what is not to change.
    # Null is not sent, to class-validator's IsOptional.
    url = serializers.URLField(required=False, allow_null=True, help_text="https only.")
    events = serializers.ListField(child=serializers.ChoiceField(EVENTS), min_length=1)
    secrets = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        max_length=MAX_SECRETS,
        help_text="Sign and verify the payload of the webhook; two allow a rotation "
        "without downtime. An empty list generates one.",
    )

    @property
    def partial(self) -> bool:
        """Never: drf-spectacular sets it for a PATCH, and then nothing is required."""
        return False

    @partial.setter
    def partial(self, value: bool) -> None:
        pass

    def to_internal_value(self, data: Mapping[str, Any]) -> dict[str, Any]:
        url, events, secrets = (data.get(name) for name in ("url", "events", "secrets"))
        messages = {
            "url": [*_url_messages(url, required=self.fields["url"].required)],
            "events": [*_events_messages(events)],
            "secrets": [*_secrets_messages(secrets)],
        }
        if wrong := {name: told for name, told in messages.items() if told}:
            raise serializers.ValidationError(wrong)
        unknown = unrecognised(data, set(self.fields))
        changes: dict[str, Any] = {"events": events, "extras": unknown}
        if url is not None:
            changes["urls"] = [url]
        if secrets is not None:
            changes["secrets"] = secrets or [wire.new_secret()]
        return changes


class CreateWebhook(UpdateWebhook):
    """A new user webhook."""

    url = serializers.URLField(help_text="https only.")

    def to_internal_value(self, data: Mapping[str, Any]) -> dict[str, Any]:
        # Marked as required on the page, which also says what happens without a value.
        return {"secrets": [wire.new_secret()], **super().to_internal_value(data)}


def _url_messages(url: Any, *, required: bool) -> Iterable[str]:
    if url is None and not required:
        return
    is_text = isinstance(url, str)
    is_secure = is_text and url.lower().startswith("https://")
    if not is_secure:
        yield URL_NOT_SECURE
    if not is_text:
        yield URL_NOT_TEXT
    if is_secure:
        try:
            endpoints.check_url(url)
        except endpoints.UrlRefused as refused:
            yield refused.reason


def _events_messages(events: Any) -> Iterable[str]:
    is_array = isinstance(events, list)
    if not (is_array and events):
        yield EVENTS_EMPTY
    if not is_array:
        yield EVENTS_NOT_ARRAY
    # "Each" looks into arrays only: anything else is held against the list itself.
    if not all(event in EVENTS for event in (events if is_array else [events])):
        yield EVENTS_UNKNOWN


def _secrets_messages(secrets: Any) -> Iterable[str]:
    if secrets is None:
        return
    is_array = isinstance(secrets, list)
    if not (is_array and len(secrets) <= MAX_SECRETS):
        yield SECRETS_TOO_MANY
    if not is_array:
        yield SECRETS_NOT_ARRAY
    elif not all(isinstance(secret, str) and secret for secret in secrets):
        yield SECRET_NOT_TEXT


@dataclass(frozen=True)
class ShownTo(Shown):
    """A webhook, and the client that it is shown to."""

    client_id: UUID


class Webhook(Answer):
    """A user webhook."""

    id = serializers.UUIDField(source="row.id")
    url = Computed(serializers.CharField(), lambda shown: shown.row.url or "")
    events = Computed(
        serializers.ListField(child=serializers.ChoiceField(EVENTS)),
        lambda shown: shown.row.events or [],
    )
    clientId = serializers.CharField(source="client_id")  # noqa: N815 - the vendor's
    # In clear, as the vendor's pages show them.
    secrets = serializers.ListField(
        child=serializers.CharField(),
        help_text="Each as ••••••••, to a key without the scope secrets:reveal.",
    )


class WebhookData(serializers.Serializer[Any]):
    data = Webhook()  # type: ignore[assignment]


@extend_schema_serializer(many=False)  # an envelope, not a list of them
class WebhookList(serializers.Serializer[Any]):
    data = Webhook(many=True)  # type: ignore[assignment]


# --- The log -------------------------------------------------------------------------

DIRECTIONS = ("ASC", "DESC")


class _Direction(serializers.ChoiceField):
    """In either case: the page's list has one, its text the other."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(str(data).upper())


def _one_of(name: str, choices: Sequence[str]) -> dict[str, Any]:
    values = ", ".join(choices)
    return {"invalid_choice": f"{name} must be one of the following values: {values}"}


def _number(name: str, *, default: int, greatest: int) -> serializers.IntegerField:
    return serializers.IntegerField(
        default=default,
        min_value=0,
        max_value=greatest,
        error_messages={
            "invalid": f"{name} must be an integer number",
            "max_string_length": f"{name} must be an integer number",
            "min_value": f"{name} must not be less than 0",
            "max_value": f"{name} must not be greater than {greatest}",
        },
    )


def _date(name: str) -> serializers.DateTimeField:
    message = f"{name} must be a valid ISO 8601 date string"
    errors: dict[str, Any] = dict.fromkeys(
        ("invalid", "date", "make_aware", "overflow"), message
    )
    return serializers.DateTimeField(required=False, error_messages=errors)


class LogQuery(serializers.Serializer[Any]):
    facilitiesIds = serializers.ListField(  # noqa: N815
        child=serializers.CharField(allow_blank=True, trim_whitespace=False),
        required=False,
        max_length=100,
        error_messages={
            "max_length": "facilitiesIds must contain no more than {max_length} elements"
        },
    )
    eventType = serializers.ChoiceField(  # noqa: N815
        EVENTS, default=wire.ALL, error_messages=_one_of("eventType", EVENTS)
    )
    startDate = _date("startDate")  # noqa: N815
    endDate = _date("endDate")  # noqa: N815
    limit = _number("limit", default=10, greatest=100)
    offset = _number("offset", default=0, greatest=2**31 - 1)
    sortDirection = _Direction(  # noqa: N815
        DIRECTIONS, default="DESC", error_messages=_one_of("sortDirection", DIRECTIONS)
    )


class Timestamp(serializers.DateTimeField):
    """`2022-10-10T10:00:00.000Z`, as JavaScript writes a date."""

    def to_representation(self, moment: datetime) -> str:
        naive = moment.astimezone(UTC).replace(tzinfo=None)
        return f"{naive.isoformat(timespec='milliseconds')}Z"


@dataclass(frozen=True)
class Request:
    """A request to a receiver; without an attempt it is still to be made."""

    id: UUID
    delivery: Delivery
    attempt: Attempt | None

    @property
    def data(self) -> dict[str, Any]:
        data = self.delivery.event.data
        return data if isinstance(data, dict) else {}

    @property
    def name(self) -> str:
        type_ = self.delivery.event.type
        return wire.EVENT_NAMES.get(type_, type_)


class Sent(Answer):
    """One request to a receiver, and what it answered."""

    # [D] The names after `eventType`, and `createdAt`: the page describes these fields,
    # and what it calls them was not found.
    id = serializers.UUIDField()
    facilityId = Computed(  # noqa: N815
        serializers.CharField(allow_null=True), lambda sent: sent.data.get("facilityId")
    )
    eventType = Computed(  # noqa: N815
        serializers.ChoiceField(list(wire.TYPES)), lambda sent: sent.name
    )
    payload = Computed(
        serializers.DictField(),
        lambda sent: wire.envelope(sent.name, sent.delivery.event.data),
    )
    responseStatus = Computed(  # noqa: N815
        serializers.IntegerField(allow_null=True),
        lambda sent: sent.attempt and sent.attempt.status,
    )
    responseBody = Computed(  # noqa: N815
        serializers.CharField(allow_null=True),
        lambda sent: (
            sent.attempt and bytes(sent.attempt.response_body).decode(errors="replace")
        ),
    )
    url = serializers.CharField(source="delivery.url")


class Log(Sent):
    """The first request of a delivery, and its retries."""

    retries = Computed(Sent(many=True), lambda sent: _retries(sent.delivery))
    createdAt = Timestamp(source="delivery.created_at")  # noqa: N815


def log(delivery: Delivery) -> dict[str, Any]:
    first = next(iter(delivery.attempt_log.all()), None)
    return Log.of(Request(delivery.id, delivery, first))


def _retries(delivery: Delivery) -> list[dict[str, Any]]:
    later = list(delivery.attempt_log.all())[1:]
    return [Sent.of(Request(each.id, delivery, each)) for each in later]


@extend_schema_serializer(many=False)
class LogList(serializers.Serializer[Any]):
    data = Log(many=True)  # type: ignore[assignment]
