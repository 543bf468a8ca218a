"""A partner's keys. The text of a key is shown once, when it is made."""

from typing import Any

from rest_framework import serializers

from webhooks.models import ApiKey
from webhooks.rest.fields import Flag, Strict

from .fields import timestamp
from .secrets import overlap


class KeyRotation(Strict):
    """How a key is replaced."""

    overlap_seconds = overlap("both keys work")


class KeyRevocation(Strict):
    """Which keys are revoked with it. The body may be left out."""

    descendants = Flag(
        required=False,
        default=True,
        help_text="Also those that rotations have made of it, which is so if absent.",
    )


class PartnerKeyEntry(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(
        child=serializers.CharField(), help_text="Empty: everything its kind may do."
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(
        allow_null=True, help_text="To the minute."
    )
    revoked_at = serializers.DateTimeField(allow_null=True)


class ReplacingKey(PartnerKeyEntry):
    """A new key and its text, which is shown here and nowhere else."""

    key = serializers.CharField()


class RevokedKey(PartnerKeyEntry):
    """A key that is revoked, and the ids of those that this call has revoked with it."""

    also_revoked = serializers.ListField(child=serializers.UUIDField())


class KeyPage(serializers.Serializer[Any]):
    """Oldest first, revoked and expired ones included."""

    data = PartnerKeyEntry(many=True)  # type: ignore[assignment]
    next = serializers.URLField(allow_null=True)


def partner_key(row: ApiKey) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "prefix": row.prefix,
        "scopes": row.scopes,
        "created_at": timestamp(row.created_at),
        "expires_at": timestamp(row.expires_at),
        "last_used_at": timestamp(row.last_used_at),
        "revoked_at": timestamp(row.revoked_at),
    }
