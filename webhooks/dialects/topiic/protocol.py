"""How Topiic answers: RFC 7807 problems as ASP.NET Core writes them.

Source: its guide on errors and the ProblemDetails defaults of ASP.NET Core, read
2026-11-21. The media type is `application/json`, not `application/problem+json`: that is
what the published description says and what `[Produces("application/json")]` yields.
"""

import logging
import re
import secrets
from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.operations import keys
from webhooks.rest import caller, endpoint
from webhooks.rest.parsing import MalformedJSON

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
}

VALIDATION_TITLE = "One or more validation errors occurred."
EMPTY_BODY = "A non-empty request body is required."
NOT_AN_OBJECT = "The JSON value could not be converted to the request. Path: $."
# The guide prints the detail of this one literally.
ANOTHER_MERCHANT = "Caller does not belong to the requested merchant."
ID_MISMATCH = "Route id and body id do not match."

# W3C Trace Context: a caller that is tracing finds its own trace id in the error.
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id(request: Request) -> str:
    match = _TRACEPARENT.fullmatch(request.META.get("HTTP_TRACEPARENT", ""))
    trace = match[1] if match else secrets.token_hex(16)
    return f"00-{trace}-{secrets.token_hex(8)}-00"


class Protocol(endpoint.Protocol):
    check_order: ClassVar[tuple[str, ...]] = ("method", "key", "scope", "rate", "body")

    def problem(
        self,
        request: Request,
        status: int,
        detail: str | None = None,
        *,
        errors: dict[str, Any] | None = None,
        traced: bool = True,
    ) -> Response:
        """Members in ASP.NET's order; those that are null are left out."""
        type_, title = PROBLEMS[status]
        if errors is not None:
            title = VALIDATION_TITLE
        body: dict[str, Any] = {"type": type_, "title": title, "status": status}
        if detail is not None:
            body["detail"] = detail
        if errors is not None:
            body["errors"] = errors
        if traced:
            body["traceId"] = trace_id(request)
        return Response(body, status=status)

    def key_refused(self, request: Request, refused: keys.Refused) -> Response:
        match refused:
            case keys.Missing():
                detail = "An API key is required."
            case _:
                detail = "The API key is invalid, expired or revoked."
        response = self.problem(request, 401, detail, traced=False)
        response["WWW-Authenticate"] = "Bearer"
        return response

    def partner_inactive(self, request: Request) -> Response:
        return self.problem(request, 403, "The merchant is inactive.", traced=False)

    def forbidden(self, request: Request) -> Response:
        detail = "The API key may not change webhook settings."
        return self.problem(request, 403, detail, traced=False)

    def another_merchant(self, request: Request) -> Response:
        return self.problem(request, 403, ANOTHER_MERCHANT, traced=False)

    def ids_differ(self, request: Request) -> Response:
        return self.problem(request, 400, ID_MISMATCH)

    def not_found(self, request: Request) -> Response:
        return self.problem(request, 404)

    def no_route(self, request: Request) -> Response:
        return self.problem(request, 404)

    def method_not_allowed(self, request: Request, allowed: list[str]) -> Response:
        response = self.problem(request, 405)
        response["Allow"] = ", ".join(allowed)
        return response

    def malformed_json(self, request: Request, error: MalformedJSON) -> Response:
        return self.problem(request, 400, errors={"$": [error.reason]})

    def not_an_object(self, request: Request) -> Response:
        if request.data is None:  # the text `null` is no command either, to ASP.NET
            return self.problem(request, 400, errors={"": [EMPTY_BODY]})
        return self.problem(request, 400, errors={"$": [NOT_AN_OBJECT]})

    def unsupported_media_type(self, request: Request) -> Response:
        return self.problem(request, 415)

    def too_large(self, request: Request, limit: int) -> Response:
        return self.problem(request, 413, f"The body is longer than {limit} bytes.")

    def throttled(self, request: Request, wait: int) -> Response:
        return self.problem(request, 429, f"Try again in {wait} seconds.", traced=False)

    def invalid(self, request: Request, error: exceptions.ValidationError) -> Response:
        errors = error.detail if isinstance(error.detail, dict) else {"": error.detail}
        return self.problem(request, 400, errors=errors)

    def bad_request(self, request: Request) -> Response:
        return self.problem(request, 400)

    def internal(self, request: Request) -> Response:
        response = self.problem(request, 500)
        # What the caller can quote, beside the traceback that was just logged.
        logger.error("answered with traceId %s", response.data["traceId"])
        return response


class Authentication(caller.BearerKey):
    dialect = "topiic"


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = Authentication
    name = "Bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key."}
