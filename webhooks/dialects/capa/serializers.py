"""The bodies of Capa's request and answer."""

import re
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from webhooks.operations import endpoints
from webhooks.rest.answers import Answer

# [D] The answer to whatever `url` is, if not a URL or null.
NOT_A_URL = "url must be a URL address or null"

# http and https are URLs to the vendor; which may be called, the egress policy says.
_ABSOLUTE_URL = re.compile(r"https?://[^/?#].*", re.IGNORECASE | re.DOTALL)


class Timestamp(serializers.CharField):
    """`2024-04-05 13:45:27.063`: UTC without saying so, always three decimals.

    Other pages of the vendor print `2026-01-15T10:30:00.000Z`; [D] this operation's own
    page is followed.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(help_text="UTC", **options)

    def to_representation(self, moment: Any) -> str:
        naive: datetime = moment.astimezone(UTC).replace(tzinfo=None)
        return naive.isoformat(sep=" ", timespec="milliseconds")


class UrlOrNull(serializers.URLField):
    """Required, and null to stop deliveries; nothing is trimmed or converted."""

    def run_validation(self, data: Any = empty) -> str | None:
        if data is None:
            return None
        if not isinstance(data, str) or _ABSOLUTE_URL.fullmatch(data) is None:
            raise serializers.ValidationError(NOT_A_URL)
        try:
            endpoints.check_url(data)
        except endpoints.UrlRefused as refused:
            raise serializers.ValidationError(refused.reason) from None
        return data


class UpdateWebhookSettings(serializers.Serializer[Any]):
    url = UrlOrNull(
        allow_null=True,
        max_length=2048,
        help_text="The url where the webhook notifications will be sent to; null "
        "resets it.",
    )


class WebhookSettings(Answer):
    """Where an affiliated partner receives notifications."""

    id = serializers.UUIDField()
    partnerId = serializers.UUIDField(source="partner_id")  # noqa: N815 - the vendor's
    url = serializers.CharField(allow_null=True)
    createdAt = Timestamp(source="created_at")  # noqa: N815
    updatedAt = Timestamp(source="updated_at")  # noqa: N815


class Success(serializers.Serializer[Any]):
    status = serializers.CharField()
    data = WebhookSettings()  # type: ignore[assignment]


class Error(serializers.Serializer[Any]):
    status = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    errors = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(), required=False
    )
