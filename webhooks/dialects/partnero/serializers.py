"""The bodies of Partnero's requests and answers, and the pages of a list.

Rules and messages are Laravel's (validation.php of Laravel 10 and later): strings are
trimmed, and an empty one counts as missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn, Self

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from webhooks.models import Subscription
from webhooks.operations import endpoints
from webhooks.rest.answers import Answer, Computed
from webhooks.rest.fields import TOLD, List

from .wire import EVENTS

NAME_LENGTH = 255  # [D] the vendor's n8n node cuts at 100
KEY_LENGTH = 64  # [D]
KEY_TAKEN = "The key has already been taken."
LIMIT_DEFAULT, LIMIT_MIN, LIMIT_MAX = 10, 10, 100

_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)  # [D]
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_PAGE = re.compile(r"[0-9]{1,9}", re.ASCII)
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
        for meaning, forms in _BOOLEANS.items():
            # By type, too: to Python 1.0 is 1, and 1 is True.
            if any(type(data) is type(form) and data == form for form in forms):
                return meaning
        return self.fail("invalid")


_BOOLEANS = {True: (True, 1, "1"), False: (False, 0, "0")}


class Events(Laravel, List):
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
        unknown = (index for index, name in enumerate(data) if name not in EVENTS)
        wrong: dict[Any, list[str]] = {
            index: [f"The selected {self.field_name}.{index} is invalid."]
            for index in islice(unknown, TOLD)
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

    key = serializers.CharField(source="row.public_id")
    name = serializers.CharField(source="row.name")
    url = Computed(serializers.CharField(), lambda shown: shown.row.url or "")
    # One flag for both: also false once the portal has disabled it.
    is_active = serializers.BooleanField(source="row.is_receiving")
    # The one that signs; wire.sign says which that is.
    signature = Computed(
        serializers.CharField(
            help_text="The secret that signs deliveries; ••••••••, to a key without the "
            "scope secrets:reveal."
        ),
        lambda shown: next(iter(shown.secrets), ""),
    )
    events = Computed(
        serializers.ListField(child=serializers.ChoiceField(choices=EVENTS)),
        lambda shown: shown.row.events or [],
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


# --- A page of the list --------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """A page of a list, in the envelope of Laravel's simplePaginate, which knows whether
    there is a next page and not which is the last."""

    number: int
    limit: int

    @classmethod
    def asked(cls, given: Mapping[str, Any]) -> Self:
        """[D] A limit out of range is moved into it; a bad page is the first.

        Raises ValidationError for a limit that is no number.
        """
        limit, number = given.get("limit"), str(given.get("page"))
        if limit in (None, ""):
            limit = LIMIT_DEFAULT
        elif isinstance(limit, bool) or not _INTEGER.fullmatch(str(limit)):
            message = "The limit field must be an integer."
            raise serializers.ValidationError({"limit": [message]})
        return cls(
            number=int(number) or 1 if _PAGE.fullmatch(number) else 1,
            limit=min(max(int(limit), LIMIT_MIN), LIMIT_MAX),
        )

    @property
    def skip(self) -> int:
        return (self.number - 1) * self.limit

    def links_and_meta(self, request: Request, *, found: int) -> dict[str, Any]:
        """`found` counts what is on the page and, where there is more, one beyond."""
        path = request.build_absolute_uri(request.path.rstrip("/"))
        held = min(found, self.limit)

        def link(number: int) -> str:
            # With the limit: the n8n node follows a link as it is.
            return f"{path}?limit={self.limit}&page={number}"

        is_default = self.limit == LIMIT_DEFAULT
        return {
            "links": {
                "first": f"{path}?page=1" if is_default else link(1),
                "last": None,
                "prev": link(self.number - 1) if self.number > 1 else None,
                "next": link(self.number + 1) if found > self.limit else None,
            },
            "meta": {
                "current_page": self.number,
                "from": self.skip + 1 if held else None,
                "path": path,
                "per_page": self.limit,
                "to": self.skip + held if held else None,
            },
        }
