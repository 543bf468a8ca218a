"""How Nursa is called and how it refuses: NestJS's built-in exceptions.

Sources: the responses of the User Webhooks pages on docs.nursa.com and NestJS 10 itself,
read 2026-11-21. The key order differs on purpose: what the router and the guards throw
carries `error` or not as the vendor's pages show it, what the body reader throws begins
with `statusCode`.
"""

from itertools import chain, starmap
from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.operations import keys
from webhooks.rest import caller, endpoint
from webhooks.rest.parsing import MalformedJSON


def exception(status: int, message: str | list[str], error: str | None) -> Response:
    """A NestJS exception: `error` names the status, and is absent from some."""
    body: dict[str, Any] = {"message": message}
    if error is not None:
        body["error"] = error
    return Response({**body, "statusCode": status}, status=status)


def _messages(field: str, detail: Any) -> list[str]:
    """What is wrong inside a list is told once, whichever elements it is."""
    if isinstance(detail, dict):
        return [f"each value in {field} must be a string"]
    return list(detail)


class Protocol(endpoint.Protocol):
    # NestJS reads the body before it looks for a route, and guards run after both.
    check_order: ClassVar[tuple[str, ...]] = ("body", "method", "key", "scope", "rate")

    def key_refused(self, request: Request, refused: keys.Refused) -> Response:
        return exception(401, "Unauthorized", None)  # and no WWW-Authenticate

    def partner_inactive(self, request: Request) -> Response:
        return self.forbidden(request)

    def forbidden(self, request: Request) -> Response:
        return exception(403, "Forbidden Resource", "Forbidden")

    def not_found(self, request: Request) -> Response:
        return exception(404, "Webhook not found", "Not Found")

    def no_route(self, request: Request) -> Response:
        message = f"Cannot {request.method} {request.get_full_path()}"
        return exception(404, message, "Not Found")

    def method_not_allowed(self, request: Request, allowed: list[str]) -> Response:
        return self.no_route(request)  # its router knows no 405

    def malformed_json(self, request: Request, error: MalformedJSON) -> Response:
        return exception(400, error.reason, "Bad Request")

    def not_an_object(self, request: Request) -> Response:
        return exception(400, "the body must be an object", "Bad Request")

    def unsupported_media_type(self, request: Request) -> Response:
        body = {"statusCode": 415, "message": "Unsupported Media Type"}
        return Response(body, status=415)

    def too_large(self, request: Request, limit: int) -> Response:
        body = {"statusCode": 413, "message": "request entity too large"}
        return Response(body, status=413)

    def throttled(self, request: Request, wait: int) -> Response:
        # [D] HTML at the vendor, which no client of a JSON interface wants.
        return exception(429, "Too Many Requests", None)

    def invalid(self, request: Request, error: exceptions.ValidationError) -> Response:
        detail: Any = error.detail
        if isinstance(detail, dict):
            detail = list(chain.from_iterable(starmap(_messages, detail.items())))
        return exception(400, detail, "Bad Request")

    def bad_request(self, request: Request) -> Response:
        return exception(400, "Bad Request", None)

    def internal(self, request: Request) -> Response:
        body = {"statusCode": 500, "message": "Internal server error"}
        return Response(body, status=500)


class Authentication(caller.BearerKey):
    """[D] The vendor's tokens are OpenID Connect JWTs; here a key stands for one."""

    dialect = "nursa"


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = Authentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An access token."}
