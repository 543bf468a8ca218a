"""Authentication and errors of Topiic: RFC 7807 problems as ASP.NET Core writes them.

Source: its guide on errors and the ProblemDetails defaults of ASP.NET Core, read
2026-11-21. The media type is `application/json`, not `application/problem+json`: that is
what the published description says and what `[Produces("application/json")]` yields.
"""

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import SuspiciousOperation
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models.outages import Unavailable
from webhooks.operations import keys, limits
from webhooks.rest.bodies import BodyTooLarge
from webhooks.rest.parsing import MalformedJSON
from webhooks.rest.strangers import PlainHttp, RefusedByServer
from webhooks.rest.view import (
    MethodNotAllowed,
    NoRoute,
    NotAnObject,
    NotFound,
    OverRate,
    Refusals,
)

logger = logging.getLogger(__name__)

_RFC9110 = "https://tools.ietf.org/html/rfc9110#section-"

# Status -> type and title, as in ASP.NET Core's ApiBehaviorOptions.
PROBLEMS = {
    400: (_RFC9110 + "15.5.1", "Bad Request"),
    401: (_RFC9110 + "15.5.2", "Unauthorized"),
    # The guide prints this one whole, and with this type.
    403: ("https://tools.ietf.org/html/rfc7807", "Forbidden"),
    404: (_RFC9110 + "15.5.5", "Not Found"),
    405: (_RFC9110 + "15.5.6", "Method Not Allowed"),
    413: (_RFC9110 + "15.5.14", "Content Too Large"),
    415: (_RFC9110 + "15.5.16", "Unsupported Media Type"),
    429: ("https://tools.ietf.org/html/rfc6585#section-4", "Too Many Requests"),
    500: (_RFC9110 + "15.6.1", "An error occurred while processing your request."),
    503: (_RFC9110 + "15.6.4", "Service Unavailable"),
}

VALIDATION_TITLE = "One or more validation errors occurred."
EMPTY_BODY = "A non-empty request body is required."
NOT_AN_OBJECT = "The JSON value could not be converted to the request. Path: $."
# The guide prints the detail of this one literally.
ANOTHER_MERCHANT = "Caller does not belong to the requested merchant."
ID_MISMATCH = "Route id and body id do not match."

# W3C Trace Context: a caller that is tracing finds its own trace id in the error.
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class AnotherMerchant(Exception):
    """The body names a merchant that is not the caller's."""


class IdsDiffer(Exception):
    """The body names another key than the path."""


def trace_id(request: Request) -> str:
    match = _TRACEPARENT.fullmatch(request.META.get("HTTP_TRACEPARENT", ""))
    trace = match[1] if match else secrets.token_hex(16)
    return f"00-{trace}-{secrets.token_hex(8)}-00"


def problem(
    request: Request,
    status: int,
    detail: str | None = None,
    *,
    errors: Mapping[str, Any] | None = None,
    traced: bool = True,
) -> Response:
    """Members in ASP.NET's order; those that are null are left out."""
    type_, title = PROBLEMS.get(status, (None, HTTPStatus(status).phrase))
    if errors is not None:
        title = VALIDATION_TITLE
    body: dict[str, Any] = {} if type_ is None else {"type": type_}
    body |= {"title": title, "status": status}
    if detail is not None:
        body["detail"] = detail
    if errors is not None:
        body["errors"] = errors
    if traced:
        body["traceId"] = trace_id(request)
    return Response(body, status=status)


def _untraced(status: int, detail: str) -> Callable[[Request, Any], Response]:
    return lambda request, _: problem(request, status, detail, traced=False)


def _bare(status: int) -> Callable[[Request, Any], Response]:
    return lambda request, _: problem(request, status)


def _not_an_object(request: Request, error: NotAnObject) -> Response:
    if request.data is None:  # the text `null` is no command either, to ASP.NET
        return problem(request, 400, errors={"": [EMPTY_BODY]})
    return problem(request, 400, errors={"$": [NOT_AN_OBJECT]})


def _invalid(request: Request, error: exceptions.ValidationError) -> Response:
    errors = error.detail if isinstance(error.detail, dict) else {"": error.detail}
    return problem(request, 400, errors=errors)


def _internal(request: Request, error: Exception) -> Response:
    response = problem(request, 500)
    # What the caller can quote, beside the traceback that was just logged.
    logger.error("answered with traceId %s", response.data["traceId"])
    return response


REFUSALS: Refusals = {
    keys.Missing: _untraced(401, "An API key is required."),
    keys.Refused: _untraced(401, "The API key is invalid, expired or revoked."),
    keys.PartnerInactive: _untraced(403, "The merchant is inactive."),
    keys.ScopeMissing: _untraced(403, "The API key may not change webhook settings."),
    AnotherMerchant: _untraced(403, ANOTHER_MERCHANT),
    IdsDiffer: lambda request, _: problem(request, 400, ID_MISMATCH),
    NotFound: _bare(404),
    NoRoute: _bare(404),
    MethodNotAllowed: _bare(405),
    MalformedJSON: lambda request, error: problem(
        request, 400, errors={"$": [error.reason]}
    ),
    NotAnObject: _not_an_object,
    exceptions.UnsupportedMediaType: _bare(415),
    BodyTooLarge: lambda request, error: problem(
        request, 413, f"The body is longer than {error.limit} bytes."
    ),
    OverRate: lambda request, error: problem(
        request, 429, f"Try again in {error.wait} seconds.", traced=False
    ),
    PlainHttp: lambda request, error: problem(request, 403, str(error), traced=False),
    RefusedByServer: lambda request, error: problem(request, error.status, str(error)),
    # [D] Its pages document no limit on webhooks: a bad request that says why.
    limits.LimitReached: lambda request, error: problem(request, 400, str(error)),
    exceptions.ValidationError: _invalid,
    SuspiciousOperation: _bare(400),
    Unavailable: _bare(503),
    Exception: _internal,
}
