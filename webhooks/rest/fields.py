"""Fields that are read strictly: DRF's own take other types of JSON, too."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from webhooks.operations import endpoints


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
