"""The calling key and its partner, and the catalogue of event types."""

from typing import Any

from rest_framework import serializers

from webhooks.models import EventType
from webhooks.rest.caller import Caller

from .fields import timestamp


class CallingPartner(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class CallingKey(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(
        child=serializers.CharField(), help_text="Empty: everything its kind may do."
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class Me(serializers.Serializer[Any]):
    """The partner behind the key, and the key. Staff who explore have none: null."""

    partner = CallingPartner()
    key = CallingKey()


class EventTypeEntry(serializers.Serializer[Any]):
    """A type of events; `schema` is the JSON Schema of its data, if it has one."""

    name = serializers.CharField()
    description = serializers.CharField()
    schema = serializers.DictField(allow_null=True)
    example = serializers.JSONField()


class EventTypePage(serializers.Serializer[Any]):
    """In the order of their names."""

    data = EventTypeEntry(many=True)  # type: ignore[assignment]
    next = serializers.URLField(allow_null=True)


def me(caller: Caller) -> dict[str, Any]:
    partner, key = caller.partner, caller.key
    return {
        "partner": partner and {"id": str(partner.id), "name": partner.name},
        "key": key
        and {
            "id": str(key.id),
            "name": key.name,
            "prefix": key.prefix,
            "scopes": key.scopes,
            "created_at": timestamp(key.created_at),
            "expires_at": timestamp(key.expires_at),
        },
    }


def event_type(row: EventType) -> dict[str, Any]:
    return {
        "name": row.name,
        "description": row.description,
        "schema": row.schema,
        "example": row.example,
    }
