"""One class generates the OpenAPI schema of an answer and its body."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers

from webhooks.models import Subscription


@dataclass(frozen=True)
class Shown:
    """A subscription, and its secrets as the caller may see them."""

    row: Subscription
    secrets: Sequence[str]


class Computed(serializers.Field[Any, Any, Any, Any]):
    """A field as it is documented, and how its value is read from what is answered."""

    def __init__(
        self,
        documented: serializers.Field[Any, Any, Any, Any],
        value: Callable[[Any], Any],
    ) -> None:
        super().__init__(
            source="*", required=documented.required, allow_null=documented.allow_null
        )
        self.documented, self.value = documented, value

    def to_representation(self, answered: Any) -> Any:
        return self.value(answered)


class ComputedSchema(OpenApiSerializerFieldExtension):
    target_class = Computed

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Any:
        return auto_schema._map_serializer_field(self.target.documented, direction)


class Answer(serializers.Serializer[Any]):
    # The members of an answer, in their order. No docstring: documents would repeat it.

    @classmethod
    def of(cls, answered: Any) -> dict[str, Any]:
        """The body."""
        return _bound(cls).to_representation(answered)


@cache
def _bound(answer: type[Answer]) -> Answer:
    """One instance for all requests: a serializer copies each of its fields, which costs
    more than the rest of an answer."""
    return answer()
