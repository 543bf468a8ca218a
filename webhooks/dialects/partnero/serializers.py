"""What Partnero's callers send and are shown.

Validated by Laravel's rules and told in its words (validation.php of Laravel 10 and
later): strings are trimmed, and an empty one counts as missing.
"""

import re
from typing import Any, NoReturn

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from webhooks.models import Subscription
from webhooks.operations import endpoints
from webhooks.rest.answers import Answer, Computed

from .wire import EVENTS

NAME_LENGTH = 255  # [D] the vendor's n8n node cuts at 100
KEY_LENGTH = 64  # [D]
KEY_TAKEN = "The key has already been taken."

_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)  # [D]
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]", re.ASCII | re.IGNORECASE)


class Laravel(serializers.Field[Any, Any, Any, Any]):
    """A field that is named in its own messages, as Laravel names it."""

    def fail(self, key: str, **values: Any) -> NoReturn:
        name = str(self.field_name).replace("_", " ")
        super().fail(key, attribute=name, **values)


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": NAME_LENGTH})
class Text(Laravel, serializers.CharField):
    default_error_messages = {
        "required": "The {attribute} field is required.",
        "null": "The {attribute} field is required.",
        "blank": "The {attribute} field is required.",
        "invalid": "The {attribute} field must be a string.",
        "too_long": "The {attribute} field must not be greater than {most} characters.",
    }

    def __init__(self, *, most: int = NAME_LENGTH, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text: str = super().to_internal_value(data)
        if len(text) > self.most:
            self.fail("too_long", most=self.most)
        return text


@extend_schema_field(
    {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": KEY_LENGTH}
)
class Key(Text):
    """The caller's own id of the webhook. The page advises to leave it blank."""

    default_error_messages = {"format": "The {attribute} field format is invalid."}

    def __init__(self) -> None:
        super().__init__(most=KEY_LENGTH, required=False, allow_blank=True)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation("" if data is None else data)

    def to_internal_value(self, data: Any) -> str:
        key = super().to_internal_value(data)
        if not _KEY.fullmatch(key):
            self.fail("format")
        return key


@extend_schema_field(OpenApiTypes.URI)
class Url(Text):
    """A URL that the portal may call; a refusal by its egress policy says why."""

    default_error_messages = {
        "not_a_url": "The {attribute} field must be a valid URL.",
        "refused": "{reason}",
    }

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not _URL.match(data.strip()):
            self.fail("not_a_url")
        url = data.strip()
        try:
            endpoints.check_url(url)
        except endpoints.UrlRefused as refused:
            self.fail("refused", reason=refused.reason)
        return str(url)


class Active(Laravel, serializers.BooleanField):
    """Laravel's `boolean`: true, false and the digits 1 and 0, also as strings."""

    default_error_messages = {
        "invalid": "The {attribute} field must be true or false.",
        "null": "The {attribute} field must be true or false.",
    }

    def to_internal_value(self, data: Any) -> bool:
        # By type, too: to Python 1.0 is 1, and 1 is True.
        meanings = (
            meaning
            for form, meaning in _BOOLEANS
            if type(data) is type(form) and data == form
        )
        if (meaning := next(meanings, None)) is None:
            self.fail("invalid")
        return meaning


_BOOLEANS: tuple[tuple[bool | int | str, bool], ...] = (
    (True, True),
    (1, True),
    ("1", True),
    (False, False),
    (0, False),
    ("0", False),
)


class Events(Laravel, serializers.ListField):
    child = serializers.ChoiceField(choices=EVENTS)
    default_error_messages = {
        "required": "The {attribute} field is required.",
        "null": "The {attribute} field is required.",
        "empty": "The {attribute} field is required.",
        "not_a_list": "The {attribute} field must be an array.",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_empty=False, min_length=1, **options)

    def run_child_validation(self, data: list[Any]) -> list[str]:
        wrong: dict[Any, list[str]] = {
            index: [f"The selected {self.field_name}.{index} is invalid."]
            for index, name in enumerate(data)
            if name not in EVENTS
        }
        if wrong:
            raise serializers.ValidationError(wrong)
        return data


class PartneroWebhookCreate(serializers.Serializer[Subscription]):
    key = Key()
    name = Text()
    url = Url()
    is_active = Active(default=True)
    events = Events()


class PartneroWebhookUpdate(serializers.Serializer[Subscription]):
    """Any subset; `key` and `signature` may come along and change nothing."""

    name = Text(required=False)
    url = Url(required=False)
    is_active = Active(required=False)
    events = Events(required=False)


# What a caller reads in an object and sends back with it: the server's own.
SERVER_OWNED = {"key", "signature"}


class PartneroWebhook(Answer):
    """A webhook of the program."""

    key = serializers.CharField(source="public_id")
    name = serializers.CharField()
    url = Computed(serializers.CharField(), lambda row: row.url or "")
    # One flag for both: also false once the portal has disabled it.
    is_active = serializers.BooleanField(source="is_receiving")
    # The one that signs; wire.sign says which that is.
    signature = Computed(
        serializers.CharField(help_text="The secret that signs deliveries."),
        lambda row: next(iter(row.live_secrets(timezone.now())), ""),
    )
    events = Computed(
        serializers.ListField(child=serializers.ChoiceField(choices=EVENTS)),
        lambda row: row.events or [],
    )


def envelope(name: str, **fields: Any) -> serializers.Serializer[Any]:
    """A response as it is documented: its members, then `status`."""
    return inline_serializer(
        f"Partnero{name}", {**fields, "status": serializers.IntegerField()}
    )


_Uri = serializers.URLField

Single = envelope("WebhookResponse", data=PartneroWebhook())
Deleted = envelope("Deleted")
Program = envelope(
    "ProgramResponse",
    data=inline_serializer(
        "PartneroProgram",
        {"id": serializers.CharField(), "name": serializers.CharField()},
    ),
)
WebhookPage = envelope(
    "WebhookPage",
    data=PartneroWebhook(many=True),
    links=inline_serializer(
        "PartneroLinks",
        {
            "first": _Uri(),
            "last": _Uri(allow_null=True),
            "prev": _Uri(allow_null=True),
            "next": _Uri(allow_null=True),
        },
    ),
    meta=inline_serializer(
        "PartneroMeta",
        {
            "current_page": serializers.IntegerField(),
            "from": serializers.IntegerField(allow_null=True),
            "path": _Uri(),
            "per_page": serializers.IntegerField(),
            "to": serializers.IntegerField(allow_null=True),
        },
    ),
)
Failure = envelope("Failure", message=serializers.CharField())
Invalid = envelope(
    "Invalid",
    message=serializers.CharField(),
    errors=serializers.DictField(
        child=serializers.ListField(child=serializers.CharField())
    ),
)
