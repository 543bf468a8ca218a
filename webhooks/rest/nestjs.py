"""NestJS's own behaviour and messages, the same for each vendor that is built on it.

Compared with a NestJS 10 application on 2026-11-21. The order of keys differs on purpose:
errors of the router and the guards begin with `message`, errors of the body reader with
`statusCode`.
"""

from typing import Any, ClassVar

from django.core.exceptions import SuspiciousOperation
from drf_spectacular.utils import OpenApiResponse, extend_schema_field
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models.outages import Unavailable
from webhooks.rest import view
from webhooks.rest.bodies import INFLATED, BodyTooLarge, Corrupt, UnknownCoding
from webhooks.rest.parsing import MalformedJSON, ObjectOrArray
from webhooks.rest.rendering import JSONWithCharset
from webhooks.rest.strangers import PlainHttp, RefusedByServer
from webhooks.rest.subscriptions import SubscriptionView
from webhooks.rest.urlencoded import Form, TooManyFields
from webhooks.rest.view import MethodNotAllowed, NotFound, Refusals


def exception(
    status: int, message: str | list[str], error: str | None = None
) -> Response:
    """A NestJS exception: `error` names the status, and is absent from some."""
    body: dict[str, Any] = {"message": message}
    if error is not None:
        body["error"] = error
    return Response({**body, "statusCode": status}, status=status)


def bare(status: int, message: str) -> Response:
    return Response({"statusCode": status, "message": message}, status=status)


def cannot(request: Request, error: object = None) -> Response:
    """Also for a method that a path does not take: the router knows no 405."""
    message = f"Cannot {request.method} {request.get_full_path()}"
    return exception(404, message, "Not Found")


REFUSALS: Refusals = {
    view.NoRoute: cannot,
    MethodNotAllowed: cannot,
    NotFound: cannot,
    MalformedJSON: lambda request, error: exception(400, error.reason, "Bad Request"),
    Corrupt: lambda request, error: bare(400, error.reason),
    exceptions.UnsupportedMediaType: lambda *_: bare(415, "Unsupported Media Type"),
    UnknownCoding: lambda request, error: bare(
        415, f'unsupported content encoding "{error.coding}"'
    ),
    BodyTooLarge: lambda *_: bare(413, "request entity too large"),
    PlainHttp: lambda _, error: exception(403, str(error), "Forbidden"),
    # [D] Node's own server answers without a body.
    RefusedByServer: lambda _, error: exception(error.status, str(error)),
    TooManyFields: lambda *_: bare(413, "too many parameters"),
    SuspiciousOperation: lambda *_: exception(400, "Bad Request"),
    Unavailable: lambda *_: exception(503, "Service Unavailable"),
    Exception: lambda *_: bare(500, "Internal server error"),
}
"""The rows that no vendor words differently; each adds its own."""


class View(SubscriptionView):
    # NestJS reads the body before it looks for a route, and guards run after both.
    check_order: ClassVar[tuple[str, ...]] = ("body", "method", "key", "scope", "rate")
    renderer_classes = [JSONWithCharset]
    # The body reader is Express's own, which NestJS starts with these settings.
    parser_classes = [ObjectOrArray, Form]
    ignores_other_media_types = True
    content_codings = INFLATED
    max_body = 100 * 1024  # NestJS's own limit; no vendor's page names another


class Refusal(serializers.Serializer[Any]):
    """Why a request was refused."""

    message = serializers.CharField()
    error = serializers.CharField(required=False)
    statusCode = serializers.IntegerField()  # noqa: N815


_TEXT = {"type": "string"}


@extend_schema_field({"oneOf": [{"type": "array", "items": _TEXT}, _TEXT]})
class _Messages(serializers.Field[Any, Any, Any, Any]):
    """The errors of the fields of a body, or of a body that is not JSON."""


class BadRequest(serializers.Serializer[Any]):
    message = _Messages(
        help_text="A message for each rule that the request breaks; one text where the "
        "body is not JSON."
    )
    error = serializers.CharField(default="Bad Request")
    statusCode = serializers.IntegerField(default=400)  # noqa: N815


class Unauthorized(serializers.Serializer[Any]):
    message = serializers.CharField(default="Unauthorized")
    statusCode = serializers.IntegerField(default=401)  # noqa: N815


ANSWERS = {
    413: OpenApiResponse(Refusal, description="Request entity too large"),
    500: OpenApiResponse(Refusal, description="Internal server error"),
    503: OpenApiResponse(Refusal, description="Service Unavailable"),
}
"""For the documents: what any operation may answer, in no vendor's words."""
