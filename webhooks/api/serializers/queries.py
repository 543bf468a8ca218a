"""The parameters of a query, read as strictly as the fields of a body."""

import re
from typing import Any

from django.http import QueryDict
from rest_framework import serializers

from webhooks.models import Delivery
from webhooks.rest import interfaces
from webhooks.rest.fields import Strict, Text

from .fields import Moment

DEFAULT_LIMIT = 50
MAX_LIMIT = 100

_NUMBER = re.compile(r"[1-9][0-9]{0,2}")


class Query(Strict):
    """Takes no parameter but those that it names, each of them once."""

    unknown = "There is no such parameter."

    def to_internal_value(self, data: QueryDict) -> dict[str, Any]:
        repeated = [name for name, values in data.lists() if len(values) > 1]
        if repeated:
            raise serializers.ValidationError(
                {name: ["Must be given once."] for name in repeated}
            )
        return super().to_internal_value(data.dict())


class Limit(serializers.IntegerField):
    def __init__(self) -> None:
        super().__init__(
            default=DEFAULT_LIMIT,
            min_value=1,
            max_value=MAX_LIMIT,
            help_text="How many a page holds.",
        )

    def to_internal_value(self, data: Any) -> int:
        if not _NUMBER.fullmatch(data) or int(data) > MAX_LIMIT:
            message = f"Must be a number from 1 to {MAX_LIMIT}."
            raise serializers.ValidationError(message)
        return int(data)


class PageQuery(Query):
    limit = Limit()
    cursor = Text(
        required=False, help_text="Where a page begins: use `next` as it is given."
    )


class Dialect(Text):
    """The slug of an interface."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            max_length=20,
            help_text="The dialect that shows the subscription under this id; "
            "`portal` if absent.",
        )

    def to_internal_value(self, data: Any) -> str:
        slug = super().to_internal_value(data)
        if interfaces.get(slug) is None:
            raise serializers.ValidationError("There is no such dialect.")
        return slug


class DialectQuery(Query):
    dialect = Dialect()


class DeliveryQuery(PageQuery):
    state = serializers.ChoiceField(choices=Delivery.State.choices, required=False)
    subscription = Text(required=False, max_length=64, help_text="Its id.")
    dialect = Dialect()
    event_type = Text(required=False, max_length=128)
    since = Moment(required=False, help_text="Queued then or later.")
    until = Moment(required=False, help_text="Queued before.")
