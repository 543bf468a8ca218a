"""How Capa is called and how it answers, in its version 1 and in version 2.

Sources: the tables of codes and messages in the reference on docs.capa.fi, and NestJS for
what happens before the vendor's own code, both read 2026-11-21. No page shows the JSON of
an error. [D] It mirrors the success of its version, with `message` at the top level, where
the one public client that reads it looks.
"""

import re
from itertools import chain
from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.operations import keys
from webhooks.rest import caller, endpoint
from webhooks.rest.parsing import MalformedJSON

HEADER = "partner-api-key"

# [D] What has not this form is told apart from a key that does not exist.
KEY_FORM = re.compile(r"[A-Za-z0-9._-]{16,128}")

NOT_AN_OBJECT = "the body must be an object"


def key_text(request: Request) -> str | None:
    text: str = request.META.get("HTTP_PARTNER_API_KEY", "").strip()
    return text or None


class Protocol(endpoint.Protocol):
    """Version 1."""

    # NestJS reads the body before it looks for a route, and guards run after both.
    check_order: ClassVar[tuple[str, ...]] = ("body", "method", "key", "scope", "rate")

    succeeded: ClassVar[dict[str, Any]] = {"status": "ok"}
    failed: ClassVar[dict[str, Any]] = {"status": "error"}

    def success(self, data: dict[str, Any]) -> Response:
        return Response({**self.succeeded, "data": data})

    def error(self, status: int, code: str, message: str, **more: Any) -> Response:
        body = {**self.failed, "code": code, "message": message, **more}
        return Response(body, status=status)

    # --- The vendor's own answers ---------------------------------------------------

    def key_refused(self, request: Request, refused: keys.Refused) -> Response:
        text = key_text(request)
        if text is None:
            message = "API Key is missing"
        elif KEY_FORM.fullmatch(text) is None:
            message = "Invalid API Key format"
        else:
            message = "Invalid API Key"
        return self.error(401, "UNAUTHORIZED", message)

    def partner_inactive(self, request: Request) -> Response:
        return self.error(
            403, "INVALID_PARTNER_FLOW", "The partner has an invalid flow."
        )

    def forbidden(self, request: Request) -> Response:
        return self.error(403, "FORBIDDEN", "The API Key may not change the settings.")

    def not_an_object(self, request: Request) -> Response:
        return self.invalid_input([NOT_AN_OBJECT])

    def throttled(self, request: Request, wait: int) -> Response:
        return self.error(429, "TOO_MANY_REQUESTS", "Too Many Requests")

    def invalid(self, request: Request, error: exceptions.ValidationError) -> Response:
        detail: Any = error.detail  # by field: nothing else is raised here
        return self.invalid_input(list(chain.from_iterable(detail.values())))

    def invalid_input(self, errors: list[str]) -> Response:
        return self.error(
            400, "INVALID_USER_INPUT_ERROR", "Invalid User Input", errors=errors
        )

    # --- NestJS's answers -----------------------------------------------------------

    def not_found(self, request: Request) -> Response:
        return self.no_route(request)

    def no_route(self, request: Request) -> Response:
        message = f"Cannot {request.method} {request.get_full_path()}"
        body = {"message": message, "error": "Not Found", "statusCode": 404}
        return Response(body, status=404)

    def method_not_allowed(self, request: Request, allowed: list[str]) -> Response:
        return self.no_route(request)  # its router knows no 405

    def malformed_json(self, request: Request, error: MalformedJSON) -> Response:
        body = {"message": error.reason, "error": "Bad Request", "statusCode": 400}
        return Response(body, status=400)

    def bad_request(self, request: Request) -> Response:
        return Response({"message": "Bad Request", "statusCode": 400}, status=400)

    def unsupported_media_type(self, request: Request) -> Response:
        body = {"statusCode": 415, "message": "Unsupported Media Type"}
        return Response(body, status=415)

    def too_large(self, request: Request, limit: int) -> Response:
        body = {"statusCode": 413, "message": "request entity too large"}
        return Response(body, status=413)

    def internal(self, request: Request) -> Response:
        body = {"statusCode": 500, "message": "Internal server error"}
        return Response(body, status=500)


class Version2(Protocol):
    """[D] Errors in the spirit of version 2's success, with version 1's codes."""

    succeeded: ClassVar[dict[str, Any]] = {"success": True}
    failed: ClassVar[dict[str, Any]] = {"success": False}


class Authentication(caller.KeyAuthentication):
    dialect = "capa"

    def key_text(self, request: Request) -> str | None:
        return key_text(request)


class PartnerApiKey(OpenApiAuthenticationExtension):
    target_class = Authentication
    name = "partnerApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": HEADER,
            "description": "API key of the affiliated partner.",
        }
