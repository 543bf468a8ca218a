"""Strict fields of requests, in addition to those of `rest.fields`."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from webhooks.models import ids
from webhooks.operations import eventchecks
from webhooks.rest.fields import Text

# RFC 3339, which is what OpenAPI's date-time means; Python reads more than it.
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC: `2026-11-21T02:00:00.123456Z`."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


@extend_schema_field({"type": "string", "pattern": f"^{eventchecks.TYPE.pattern}$"})
class EventName(Text):
    """A canonical type, of the catalogue or not: any may be published one day."""

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if not eventchecks.TYPE.fullmatch(name):
            raise serializers.ValidationError("Is no name of an event type.")
        return name


class Whole(serializers.IntegerField):
    """A JSON number without a fraction; DRF's own field takes strings too."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class Id(serializers.UUIDField):
    """A UUID in its usual form, in any case."""

    def to_internal_value(self, data: Any) -> UUID:
        id = ids.parse(data) if isinstance(data, str) else None
        if id is None:
            self.fail("invalid", value=data)
        return id


def moment(value: Any) -> datetime | None:
    """The moment that RFC 3339 writes like this, in UTC; None if it is none."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # February 30th; year 1 in an offset ahead of UTC
    return None


class Moment(serializers.DateTimeField):
    """An RFC 3339 time with its offset, read as the moment in UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        found = moment(value)
        if found is None:
            raise serializers.ValidationError(
                "Must be a time as RFC 3339 writes it, with its offset from UTC."
            )
        return found
