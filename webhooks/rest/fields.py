"""Strict fields of requests. DRF's serializers ignore unknown fields, and its fields accept
other JSON types too.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from webhooks.operations import endpoints

from .parsing import shortened

TOLD = 20
"""Faults of one kind that an answer tells: a body may have a quarter of a million."""


class Strict(serializers.Serializer[Any]):
    """Reports unknown fields together with all other errors."""

    unknown: ClassVar[str] = "There is no such field."

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        errors: dict[Any, Any] = {}
        values: dict[str, Any] = {}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors = dict(error.detail)  # type: ignore[arg-type]
        if isinstance(data, Mapping):
            unknown = (name for name in data if name not in self.fields)
            told = map(shortened, islice(unknown, TOLD))
            errors |= {name: [self.unknown] for name in told}
        if errors:
            raise serializers.ValidationError(errors)
        return values


class NothingElse(OpenApiSerializerExtension):
    """In the document, too, such an object has no other fields."""

    target_class = Strict
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(
            self.target, direction, bypass_extensions=True
        )
        return {**schema, "additionalProperties": False}


class List(serializers.ListField):
    """A JSON array. Its length is checked before its items are, and it stops at a number of wrong
    ones."""

    def to_internal_value(self, data: Any) -> list[Any]:
        most = self.max_length
        if isinstance(data, list) and most is not None and len(data) > most:
            self.fail("max_length", max_length=most)
        values: list[Any] = super().to_internal_value(data)
        return values

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        values = []
        errors: dict[Any, Any] = {}
        for index, item in enumerate(data):
            try:
                values.append(self.child.run_validation(item))
            except serializers.ValidationError as error:
                errors[index] = error.detail
                if len(errors) == TOLD:
                    break
        if errors:
            raise serializers.ValidationError(errors)
        return values


class Text(serializers.CharField):
    """A JSON string, kept as it is; DRF's own field takes numbers too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.URI)
class Url(Text):
    """A URL that deliveries may call."""

    default_error_messages = {"refused": "{reason}"}

    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data)
        try:
            endpoints.check_url(url)
        except endpoints.UrlRefused as refused:
            self.fail("refused", reason=refused.reason)
        return url


class Flag(serializers.BooleanField):
    """true or false; DRF's own field takes "yes" and 1 too."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data
