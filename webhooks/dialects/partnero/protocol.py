"""Authentication and errors of Partnero.

Its reference says that every response has a `status`, 1 or a failure, and that failures
have a `message`; the bodies themselves are not published. [D] The messages are those of
Laravel, whose forms its clients expect: the PHP SDK decodes 404 and 422 as JSON and reads
`message` and `errors`. Sources: the reference's introduction and the vendor's PHP and
Python clients, read 2026-11-21.
"""

from typing import Any

from django.core.exceptions import SuspiciousOperation
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models.outages import Unavailable
from webhooks.operations import keys, limits
from webhooks.rest.bodies import BodyTooLarge
from webhooks.rest.parsing import MalformedJSON, RefusedValue, StrictJSON
from webhooks.rest.refusals import flattened
from webhooks.rest.strangers import PlainHttp, RefusedByServer
from webhooks.rest.urlencoded import PhpForm, TooManyFields
from webhooks.rest.view import (
    MethodNotAllowed,
    NoRoute,
    NotAnObject,
    NotFound,
    OverRate,
    Refusals,
)

SUCCESS, FAILURE = 1, 0


def summary(errors: dict[str, list[str]]) -> str:
    """The first message, and how many there are besides, as Laravel counts them."""
    messages = [message for each in errors.values() for message in each]
    more = len(messages) - 1
    if not more:
        return messages[0]
    return f"{messages[0]} (and {more} more error{'s' if more > 1 else ''})"


def failure(status: int, message: str, **members: Any) -> Response:
    body = {"message": message, **members, "status": FAILURE}
    return Response(body, status=status)


def _no_route(request: Request, error: NoRoute) -> Response:
    path = request.path.strip("/")
    return failure(404, f"The route {path} could not be found.")


def _method_not_allowed(request: Request, error: MethodNotAllowed) -> Response:
    return failure(
        405,
        f"The {request.method} method is not supported for route "
        f"{request.path.strip('/')}. Supported methods: {', '.join(error.allowed)}.",
    )


def _not_json(request: Request, error: exceptions.UnsupportedMediaType) -> Response:
    message = "The request body must be sent as application/json."
    return failure(422, message, errors={"body": [message]})


def _invalid(request: Request, error: exceptions.ValidationError) -> Response:
    errors = flattened(error.detail)
    return failure(422, summary(errors), errors=errors)


def _limit_reached(request: Request, error: limits.LimitReached) -> Response:
    # [D] As Laravel's validation says it: the vendor documents no limit.
    return failure(422, str(error), errors={error.limit.name: [str(error)]})


def _refused_value(request: Request, error: RefusedValue) -> Response:
    message = f"The {error.name.replace('_', ' ')} field {error.reason}."
    return failure(422, message, errors={error.name: [message]})


REFUSALS: Refusals = {
    keys.Refused: lambda *_: failure(401, "Unauthenticated."),
    keys.PartnerInactive: lambda *_: failure(403, "This account is not active."),
    keys.ScopeMissing: lambda *_: failure(403, "This action is unauthorized."),
    NotFound: lambda *_: failure(404, "Webhook not found."),
    NoRoute: _no_route,
    MethodNotAllowed: _method_not_allowed,
    # Laravel would take it for no input; a PUT would then change nothing and say 200.
    MalformedJSON: lambda *_: failure(400, "The request body is not valid JSON."),
    NotAnObject: lambda *_: failure(400, "The request body must be a JSON object."),
    exceptions.UnsupportedMediaType: _not_json,
    BodyTooLarge: lambda _, error: failure(
        413, f"The request body is longer than {error.limit} bytes."
    ),
    TooManyFields: lambda _, error: failure(
        413, f"The request body has more than {error.limit} fields."
    ),
    OverRate: lambda *_: failure(429, "Too Many Attempts."),
    PlainHttp: lambda _, error: failure(403, str(error)),
    RefusedByServer: lambda _, error: failure(error.status, str(error)),
    limits.LimitReached: _limit_reached,
    exceptions.ValidationError: _invalid,
    RefusedValue: _refused_value,
    SuspiciousOperation: lambda *_: failure(400, "Bad Request"),
    Unavailable: lambda *_: failure(503, "Service Unavailable"),
    Exception: lambda *_: failure(500, "Server Error"),
}


class Json(StrictJSON):
    # Laravel looks for these two in the type, whatever stands around them.
    also = ("*/json*", "*+json*")


PARSERS: list[type[BaseParser]] = [Json, PhpForm]
