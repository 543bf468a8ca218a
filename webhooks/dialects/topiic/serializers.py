"""The bodies of Topiic's requests and answers, read as System.Text.Json reads them.

A request is read in two steps, as in ASP.NET. The first value of a wrong type ends the
reading, and the error names its JSON path. If all types are right, then all fields are
validated together.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers

from webhooks.models import Subscription, ids
from webhooks.operations import endpoints
from webhooks.rest import parsing
from webhooks.rest.answers import Answer, Computed
from webhooks.rest.bodies import read
from webhooks.rest.extras import unrecognised
from webhooks.rest.parsing import MalformedJSON, RefusedValue, StrictJSON, loads

from . import wire

MAX_URL_LENGTH = 2048
SHOWN_OF_SECRET = 8  # characters after its `tss_`; the other 35 stay unknown

_URL_STARTS = ("http://", "https://", "ftp://")  # all that .NET's UrlAttribute reads

REQUIRED = "The {} field is required."
TOO_LONG = (
    "The field {} must be a string or array type with a maximum length of "
    f"'{MAX_URL_LENGTH}'."
)
NOT_A_URL = "The {} field is not a valid fully-qualified http, https, or ftp URL."
NOT_CONVERTED = "The JSON value could not be converted to {}. {}"
ROUTE_INVALID = "The value '{}' is not valid."


def guid(text: object) -> UUID | None:
    """A System.Guid in its form "D"; None of anything else."""
    return ids.parse(text) if isinstance(text, str) else None


class Timestamp(serializers.DateTimeField):
    """`2026-04-15T12:00:00Z`; a fraction only where there is one, without last zeros."""

    def to_representation(self, moment: datetime) -> str:
        text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
        return (text.rstrip("0") if "." in text else text) + "Z"


# --- Where in the text ---------------------------------------------------------------

# Floats, because Python makes no integer of more than 4,300 digits.
_read = json.JSONDecoder(parse_int=float).raw_decode
_BETWEEN = re.compile(r"[ \t\r\n,:]*")  # the values; it tells nothing in JSON


class Text(StrictJSON):
    """Keeps the text on its view, and says where it broke off.

    Raises ValidationError for a value that the portal takes nowhere.
    """

    # What SystemTextJsonInputFormatter reads.
    also = ("text/json", "application/*+json")

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = parser_context or {}
        view = context["view"]
        view.text = read(stream, context)
        try:
            return loads(view.text, view.max_values)
        except MalformedJSON as error:
            where = location("$", view.text.decode(errors="replace"), error.position)
            raise MalformedJSON(f"{error.reason}. {where}", error.position) from None
        except RefusedValue as refused:
            path, text = json_path(*refused.path), view.text.decode()
            try:
                where = location(path, text, end_of(text, *refused.path))
            except RecursionError:  # nested too deep for the reader that looks for it
                where = location(path, text, 0)
            message = f"The JSON value {refused.reason}. {where}"
            raise serializers.ValidationError({path: [message]}) from None


def location(path: str, text: str, index: int) -> str:
    """Where a reader stood, in System.Text.Json's words: lines from 0, bytes in a line."""
    *before, line = text[:index].split("\n")
    return (
        f"Path: {path} | LineNumber: {len(before)} | "
        f"BytePositionInLine: {len(line.encode())}."
    )


def json_path(*steps: str | int) -> str:
    """`$.webhookEvents[0]`"""
    each = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return parsing.shortened("".join(["$", *each]))


def end_of(text: str, *steps: str | int) -> int:
    """Where the reader stands when it meets the value that `steps` lead to: behind a
    scalar, behind the bracket that opens anything else."""
    index = _skip(text, 0)
    for step in steps:
        index = _child(text, index, step)
    return index + 1 if text[index] in "[{" else _read(text, index)[1]


def _child(text: str, index: int, step: str | int) -> int:
    """Where the item of that position stands, or the last member of that name: of those
    that are there twice it is the one that was taken."""
    found = index
    index, position = _skip(text, index + 1), 0
    while text[index] not in "]}":
        name: object = position
        if isinstance(step, str):
            name, index = _read(text, index)
            index = _skip(text, index)
        if name == step:
            found = index
        index, position = _skip(text, _read(text, index)[1]), position + 1
    return found


def _skip(text: str, index: int) -> int:
    match = _BETWEEN.match(text, index)
    return match.end() if match else index


# --- The request ---------------------------------------------------------------------


class UpdateWebhook(serializers.Serializer[Any]):
    """A full replacement: what is absent becomes null, `webhookEnabled` false.

    Its context holds the `text` of the body and the `id` of the route.
    """

    id = serializers.UUIDField()
    merchantId = serializers.UUIDField()  # noqa: N815 - the vendor's name
    webhookUrl = serializers.URLField(  # noqa: N815
        required=False, allow_null=True, max_length=MAX_URL_LENGTH
    )
    webhookEvents = serializers.ListField(  # noqa: N815
        child=serializers.CharField(allow_blank=True), required=False, allow_null=True
    )
    webhookEnabled = serializers.BooleanField(required=False)  # noqa: N815

    def to_internal_value(self, data: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        known: set[str] = set()
        for sent, value in data.items():
            # JsonSerializerDefaults.Web matches names in any case; the last one counts.
            if name := _NAMES.get(sent.lower()):
                self._check_type(name, sent, value)
                values[name] = value
                known.add(sent)
        self._check(values)
        return {
            "id": guid(values["id"]),
            "merchantId": guid(values["merchantId"]),
            "webhookUrl": values.get("webhookUrl"),
            "webhookEvents": values.get("webhookEvents"),
            "webhookEnabled": values.get("webhookEnabled", False),
            "extras": unrecognised(data, known),
        }

    def _check_type(self, name: str, sent: str, value: Any) -> None:
        if not _fits(name, value):
            raise self._unconverted(_KINDS[name], sent)
        if isinstance(value, list):
            for position, item in enumerate(value):
                if not isinstance(item, str):
                    raise self._unconverted("System.String", sent, position)

    def _unconverted(
        self, kind: str, sent: str, *index: int
    ) -> serializers.ValidationError:
        path = json_path(sent, *index)
        text = self.context["text"].decode()
        where = location(path, text, end_of(text, sent, *index))
        return serializers.ValidationError({path: [NOT_CONVERTED.format(kind, where)]})

    def _check(self, values: dict[str, Any]) -> None:
        """Raises ValidationError with everything that the attributes do not allow."""
        errors: dict[str, list[str]] = {}
        for name in ("id", "merchantId"):
            if name not in values:
                errors[_pascal(name)] = [REQUIRED.format(_pascal(name))]
        if refusals := _url_errors(values.get("webhookUrl")):
            errors["WebhookUrl"] = refusals
        if guid(route := self.context["id"]) is None:
            errors["id"] = [ROUTE_INVALID.format(route)]
        if errors:
            raise serializers.ValidationError(errors)


# Field -> the type that a value of another one is not converted to.
_KINDS = {
    "id": "System.Guid",
    "merchantId": "System.Guid",
    "webhookUrl": "System.String",
    "webhookEvents": "System.String[]",
    "webhookEnabled": "System.Boolean",
}
_NAMES = {name.lower(): name for name in _KINDS}


def _fits(name: str, value: Any) -> bool:
    match name:
        case "webhookUrl":
            return value is None or isinstance(value, str)
        case "webhookEvents":
            return value is None or isinstance(value, list)
        case "webhookEnabled":
            return isinstance(value, bool)
        case _:
            return guid(value) is not None


def _url_errors(url: str | None) -> list[str]:
    errors: list[str] = []
    if url is None:
        return errors
    if len(url) > MAX_URL_LENGTH:
        errors.append(TOO_LONG.format("WebhookUrl"))
    if not url.lower().startswith(_URL_STARTS):
        errors.append(NOT_A_URL.format("WebhookUrl"))
    if not errors:
        try:
            endpoints.check_url(url)
        except endpoints.UrlRefused as refused:
            errors.append(refused.reason)
    return errors


def _pascal(name: str) -> str:
    return name[0].upper() + name[1:]


# --- The answers ---------------------------------------------------------------------


class ApiKeySettings(Answer):
    """A key and its webhook settings. Keys and secrets appear by their prefixes only."""

    # Nulls are written, as .NET does.

    id = serializers.UUIDField(source="api_key.id")
    name = Computed(
        serializers.CharField(allow_null=True), lambda row: row.api_key.name or None
    )
    # All of a key that is not secret, so that a prefix names one key and no other.
    keyPrefix = Computed(  # noqa: N815
        serializers.CharField(allow_null=True), lambda row: f"whk_{row.api_key.prefix}"
    )
    signingSecretPrefix = Computed(  # noqa: N815
        serializers.CharField(allow_null=True), lambda row: _secret_prefix(row)
    )
    webhookUrl = serializers.CharField(source="url", allow_null=True)  # noqa: N815
    webhookEvents = serializers.ListField(  # noqa: N815
        source="events", child=serializers.CharField(), allow_null=True
    )
    # One flag for both: also false once the portal has disabled it.
    webhookEnabled = serializers.BooleanField(source="is_receiving")  # noqa: N815
    expiresAt = Timestamp(source="api_key.expires_at", allow_null=True)  # noqa: N815
    lastUsedAt = Timestamp(source="api_key.last_used_at", allow_null=True)  # noqa: N815
    revokedAt = Timestamp(source="api_key.revoked_at", allow_null=True)  # noqa: N815
    createdAt = Timestamp(source="api_key.created_at")  # noqa: N815


def _secret_prefix(subscription: Subscription) -> str | None:
    # While two secrets are live the newer one is the one to configure.
    secret = next(reversed(subscription.live_secrets(timezone.now())), None)
    return secret and secret[: len(wire.SECRET_PREFIX) + SHOWN_OF_SECRET]


class ProblemDetails(serializers.Serializer[Any]):
    """RFC 7807; members that are null are left out."""

    type = serializers.CharField(required=False)
    title = serializers.CharField(required=False)
    status = serializers.IntegerField(required=False)
    detail = serializers.CharField(required=False)
    instance = serializers.CharField(required=False)
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False
    )
    traceId = serializers.CharField(required=False)  # noqa: N815
