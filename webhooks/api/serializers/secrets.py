"""Signing secrets: the list, the rotation, one in plain text."""

from typing import Any

from rest_framework import serializers

from webhooks.models import SigningSecret
from webhooks.operations import rotation, secrets
from webhooks.rest.fields import Strict, Text

from .fields import Whole, timestamp


def overlap(what: str) -> Whole:
    return Whole(
        required=False,
        min_value=0,
        max_value=int(rotation.MAX_OVERLAP.total_seconds()),
        default=int(rotation.DEFAULT_OVERLAP.total_seconds()),
        help_text=f"For how long {what}: up to 7 days, a day if absent.",
    )


class SecretRotation(Strict):
    """How a secret is replaced."""

    overlap_seconds = overlap("the old one signs beside the new one")
    secret = Text(
        required=False,
        max_length=255,
        help_text="The new one, where the profile takes one that is brought along; "
        "without it one is made.",
    )


class MaskedSecret(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    ending = serializers.CharField(
        allow_null=True,
        help_text="Its last four characters; empty for a short one, null where it "
        "cannot be read.",
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when it signs; null: until it is replaced."
    )


class SecretPage(serializers.Serializer[Any]):
    """Those that sign, oldest first: two at most, so there is no next page."""

    data = MaskedSecret(many=True)  # type: ignore[assignment]
    next = serializers.URLField(allow_null=True)


class PlainSecret(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    secret = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


def masked(secret: secrets.Masked) -> dict[str, Any]:
    return {
        "id": str(secret.row.id),
        "ending": secret.ending,
        "created_at": timestamp(secret.row.created_at),
        "expires_at": timestamp(secret.row.expires_at),
    }


def plain(row: SigningSecret, text: str) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "secret": text,
        "created_at": timestamp(row.created_at),
        "expires_at": timestamp(row.expires_at),
    }
