"""RFC 9457 problems, for the document: protocol.py writes them."""

from typing import Any

from rest_framework import serializers


class ProblemError(serializers.Serializer[Any]):
    """One thing that is wrong: at a JSON pointer into the body, in a header, or in a
    parameter of the query."""

    pointer = serializers.CharField(required=False)
    header = serializers.CharField(required=False)
    parameter = serializers.CharField(required=False)
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    limit = serializers.CharField(
        required=False, help_text="The name of the limit that is reached."
    )
    most = serializers.IntegerField(
        required=False, help_text="How many it allows this partner."
    )
    instance = serializers.CharField(required=False)
    errors = ProblemError(many=True, required=False)  # type: ignore[assignment]
