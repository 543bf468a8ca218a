"""The bodies of BLAZE's requests and answers.

Jackson treats an absent property and a null one alike, so nulls are removed before a body
is validated (`without_nulls`). A message here is the text after the field's path.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rest_framework import serializers

from webhooks.models import Subscription
from webhooks.operations import endpoints
from webhooks.rest import fields
from webhooks.rest.answers import Answer, Computed

from .wire import EVENT_NAMES

TYPES = tuple(EVENT_NAMES.values())

LIMIT_DEFAULT = LIMIT_MAX = 100
LONGEST_SHOP_ID = 255

# What a caller reads in an object and sends back with it: the server's own.
SERVER_OWNED = {"id", "companyId", "created", "modified", "deleted", "updated", "dirty"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGER = re.compile(r"[+-]?[0-9]{1,100}", re.ASCII)
_URL = re.compile(r"https?://[^/?#]", re.ASCII | re.IGNORECASE)


def without_nulls(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


class Milliseconds(serializers.IntegerField):
    """Since the epoch, as Java counts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, help_text="Epoch milliseconds.", **options)

    def to_representation(self, moment: Any) -> int:
        passed: timedelta = moment - _EPOCH
        return passed // timedelta(milliseconds=1)


def targets(url: str | None, web_hook_urls: Sequence[str]) -> list[str]:
    """The URLs of a hook: its legacy single URL and its list, each URL once."""
    return list(dict.fromkeys([*([url] if url else []), *web_hook_urls]))


class Text(serializers.CharField):
    """Strings only; DRF's own takes numbers for strings."""

    default_error_messages = {
        "required": "is required",
        "blank": "must not be empty",
        "invalid": "must be a string",
        "max_length": "must not be longer than {max_length} characters",
    }

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Url(Text, fields.Url):
    """A URL that the portal may call; a refusal by its egress policy says why."""

    default_error_messages = {
        "blank": "must be a URL that begins with http:// or https://",
        "not_a_url": "must be a URL that begins with http:// or https://",
        "refused": "is refused: {reason}",
        "null": "must not be null",
    }

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, str) and not _URL.match(data):
            self.fail("not_a_url")
        return super().to_internal_value(data)


class WebHookType(serializers.ChoiceField):
    default_error_messages = {"invalid_choice": f"must be one of {', '.join(TYPES)}"}

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=TYPES, **options)


TOO_MANY_URLS = f"and url may name at most {endpoints.MAX_ENDPOINTS} URLs"


class WebHookUrls(fields.List):
    child = Url()
    default_error_messages = {
        "too_many": TOO_MANY_URLS,
        "required": "is required",
        "not_a_list": "must be an array of URLs",
        "empty": "must not be empty",
    }

    def to_internal_value(self, data: Any) -> list[Any]:
        # The list as it was written, which is kept: a URL counts as often as it is named.
        if isinstance(data, list) and len(data) > endpoints.MAX_ENDPOINTS:
            self.fail("too_many")
        return super().to_internal_value(data)


class PartnerWebHookAdd(serializers.Serializer[Subscription]):
    """A new registration."""

    # The vendor's page names no `webHookType` here and its Swagger document requires
    # it: optional, so that callers of either are served.
    url = Url(required=False)
    shopId = Text(required=False, max_length=LONGEST_SHOP_ID)  # noqa: N815
    webHookType = WebHookType(required=False)  # noqa: N815
    webHookUrls = WebHookUrls(allow_empty=False, min_length=1)  # noqa: N815

    def validate_shopId(self, shop: str) -> str:  # noqa: N802 - DRF's name for it
        """A key that is bound to shops names no other."""
        bound: list[str] = self.context["shops"]
        if bound and shop not in bound:
            raise serializers.ValidationError("is not a shop of this key")
        return shop

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        urls = attrs.get("webHookUrls", ())
        if len(targets(attrs.get("url"), urls)) > endpoints.MAX_ENDPOINTS:
            raise serializers.ValidationError({"webHookUrls": [TOO_MANY_URLS]})
        return attrs


class PartnerWebHookReplacement(PartnerWebHookAdd):
    """[D] A replacement may leave the list out, which keeps it, or empty it."""

    webHookUrls = WebHookUrls(required=False, allow_empty=True)  # noqa: N815


class _Integer(serializers.IntegerField):
    """An integer of a query; one out of its range is moved to the nearest end [D]."""

    default_error_messages = {"invalid": "must be an integer"}

    def __init__(self, *, lowest: int, highest: int, **options: Any) -> None:
        super().__init__(**options)
        self.lowest, self.highest = lowest, highest

    def to_internal_value(self, data: Any) -> int:
        if not _INTEGER.fullmatch(data):
            self.fail("invalid")
        return min(max(int(data), self.lowest), self.highest)


class _Offset(_Integer):
    def __init__(self, **options: Any) -> None:
        super().__init__(lowest=0, highest=2**31 - 1, required=False, **options)


class ListQuery(serializers.Serializer[None]):
    start = _Offset(help_text="Number of records to skip.")
    skip = _Offset(help_text="The older name of start.")
    limit = _Integer(
        lowest=1,
        highest=LIMIT_MAX,
        default=LIMIT_DEFAULT,
        help_text="Maximum records to return, 1 to 100.",
    )
    type = WebHookType(required=False)
    shopId = Text(required=False)  # noqa: N815


class PartnerWebHook(Answer):
    """A registration as it is shown. What is unset is left out, never null."""

    # Strict readers of the vendor's Swagger document refuse a null string.
    id = serializers.CharField(source="public_id", required=False)
    companyId = serializers.CharField(source="partner_id", required=False)  # noqa: N815
    shopId = Computed(  # noqa: N815
        serializers.CharField(required=False), lambda row: row.shop_id or None
    )
    created = Milliseconds(source="created_at")
    modified = Milliseconds(source="updated_at")
    deleted = Computed(  # a deleted one is not shown
        serializers.BooleanField(required=False), lambda row: False
    )
    updated = Computed(
        serializers.BooleanField(required=False),
        lambda row: row.updated_at > row.created_at,
    )
    url = Computed(serializers.URLField(required=False), lambda row: as_given(row)[0])
    webHookType = Computed(  # noqa: N815
        WebHookType(required=False), lambda row: next(iter(row.events or ()), None)
    )
    webHookUrls = Computed(  # noqa: N815
        serializers.ListField(child=serializers.URLField(), required=False),
        lambda row: as_given(row)[1],
    )

    def to_representation(self, row: Subscription) -> dict[str, Any]:
        return without_nulls(super().to_representation(row))


def as_given(subscription: Subscription) -> tuple[str | None, list[str]]:
    """`url` and `webHookUrls` as their owner wrote them, which the endpoints do not
    tell apart. URLs that staff changed since outrank what was written."""
    url: str | None = subscription.extras.get("url")
    web_hook_urls: list[str] = subscription.extras.get("webHookUrls", [])
    live = subscription.urls
    return (url, web_hook_urls) if targets(url, web_hook_urls) == live else (None, live)


class SearchResultPartnerWebHook(serializers.Serializer[None]):
    """A page of registrations, which are in it twice."""

    # [D] Both published envelopes at once: the Swagger document's (values, skip, limit,
    # total), which public clients read, and the site's (count, total, searchResult).
    values = PartnerWebHook(many=True)
    skip = serializers.IntegerField()
    limit = serializers.IntegerField()
    total = serializers.IntegerField()
    count = serializers.IntegerField()
    searchResult = PartnerWebHook(many=True)  # noqa: N815


def search_result(
    found: list[Subscription], *, skip: int, limit: int, total: int
) -> dict[str, Any]:
    values = [PartnerWebHook.of(each) for each in found]
    return {
        "values": values,
        "skip": skip,
        "limit": limit,
        "total": total,
        "count": len(values),
        "searchResult": values,
    }


class BlazeError(serializers.Serializer[None]):
    error = serializers.CharField()
    message = serializers.CharField()
    status = serializers.IntegerField()
    field = serializers.CharField(required=False, help_text="Of an invalid argument.")
