"""How BLAZE is called and how it refuses.

A caller sends a partner key and a developer key. The portal has one key, so either
header may carry it, and where both do they must speak for the same partner. Sources: the
authentication, errors and pagination pages of its Partner API, and its published Swagger
document, all read 2026-11-21.
"""

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import ApiKey
from webhooks.operations import keys
from webhooks.rest import caller, endpoint
from webhooks.rest.parsing import MalformedJSON

# `partner_key` is the older name, in the Swagger document and every public client.
# WSGI spells a hyphen and an underscore alike.
PARTNER_KEY_HEADERS = ("HTTP_X_API_KEY", "HTTP_PARTNER_KEY")

INVALID_PARTNER_KEY = "Invalid partner key"
INVALID_DEVELOPER_KEY = "Invalid developer key"
NOT_FOUND = "Partner webhook not found"  # [D]
UNREADABLE = "Unable to process JSON"  # [I] Dropwizard's words


class DeveloperKeyRefused(keys.Refused):
    """The key in `Authorization` is no good, or is another partner's."""


def partner_key(request: Request) -> str | None:
    for name in PARTNER_KEY_HEADERS:
        if text := request.META.get(name, "").strip():
            return str(text)
    return None


def developer_key(request: Request) -> str | None:
    """The bare key, as documented; the scheme that clients put before it is allowed."""
    text: str = request.META.get("HTTP_AUTHORIZATION", "").strip()
    return caller.bearer(request) or text or None


class Authentication(caller.KeyAuthentication):
    dialect = "blaze"

    def key_text(self, request: Request) -> str | None:
        return partner_key(request)

    def authenticate(self, request: Request) -> tuple[caller.Caller, ApiKey]:
        """[D] Either header alone, or both for the same partner.

        Company and shop come from the developer key, as documented, so where there are
        two different keys it is that one which calls.
        """
        partner, developer = partner_key(request), developer_key(request)
        if developer is None or developer == partner:
            return super().authenticate(request)
        if partner is None:
            return _DeveloperKey().authenticate(request)
        named, _ = super().authenticate(request)
        calling, key = _DeveloperKey().authenticate(request)
        if calling.partner != named.partner:
            raise DeveloperKeyRefused
        return calling, key


class _DeveloperKey(caller.KeyAuthentication):
    dialect = "blaze"

    def key_text(self, request: Request) -> str | None:
        return developer_key(request)

    def authenticate(self, request: Request) -> tuple[caller.Caller, ApiKey]:
        try:
            return super().authenticate(request)
        except (keys.Malformed, keys.Invalid):
            raise DeveloperKeyRefused from None


class Keys(OpenApiAuthenticationExtension):
    target_class = Authentication
    name = ["partnerKey", "developerKey"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{"partnerKey": []}, {"developerKey": []}]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "apiKey", "in": "header", "name": name, "description": text}
            for name, text in (
                ("x-api-key", "Partner key; the older name partner_key is accepted."),
                ("Authorization", "Developer key, without a scheme."),
            )
        ]


class Protocol(endpoint.Protocol):
    # Jersey reads a body only where a method takes one, so the views ask for it.
    check_order = ("method", "key", "scope", "rate")

    def error(
        self,
        status: HTTPStatus,
        message: str,
        *,
        title: str | None = None,
        field: str | None = None,
    ) -> Response:
        body: dict[str, Any] = {
            "error": title or status.phrase,
            "message": message,
            "status": status.value,
        }
        if field is not None:
            # The Swagger document's older error names the field; the site's does not.
            body["field"] = field
        return Response(body, status=status)

    def key_refused(self, request: Request, refused: keys.Refused) -> Response:
        is_developers = isinstance(refused, DeveloperKeyRefused)
        message = INVALID_DEVELOPER_KEY if is_developers else INVALID_PARTNER_KEY
        response = self.error(HTTPStatus.UNAUTHORIZED, message)
        response["WWW-Authenticate"] = "Bearer"
        return response

    def partner_inactive(self, request: Request) -> Response:
        return self.error(HTTPStatus.FORBIDDEN, "The partner is inactive")

    def forbidden(self, request: Request) -> Response:
        return self.error(HTTPStatus.FORBIDDEN, "The key lacks the permission")

    def not_found(self, request: Request) -> Response:
        return self.error(HTTPStatus.NOT_FOUND, NOT_FOUND)

    def no_route(self, request: Request) -> Response:
        return self.error(HTTPStatus.NOT_FOUND, "HTTP 404 Not Found")

    def method_not_allowed(self, request: Request, allowed: list[str]) -> Response:
        status = HTTPStatus.METHOD_NOT_ALLOWED
        response = self.error(status, "HTTP 405 Method Not Allowed")
        response["Allow"] = ", ".join(allowed)
        return response

    def malformed_json(self, request: Request, error: MalformedJSON) -> Response:
        return self.error(HTTPStatus.BAD_REQUEST, UNREADABLE)

    def not_an_object(self, request: Request) -> Response:
        return self.error(HTTPStatus.BAD_REQUEST, UNREADABLE)

    def unsupported_media_type(self, request: Request) -> Response:
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        return self.error(status, "HTTP 415 Unsupported Media Type")

    def too_large(self, request: Request, limit: int) -> Response:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        # Spelled out: Python 3.13 renamed the phrase.
        title = "Request Entity Too Large"
        message = f"The body is longer than {limit} bytes"
        return self.error(status, message, title=title)

    def throttled(self, request: Request, wait: int) -> Response:
        status = HTTPStatus.TOO_MANY_REQUESTS
        return self.error(status, f"Rate limit exceeded; retry in {wait} seconds")

    def invalid(self, request: Request, error: exceptions.ValidationError) -> Response:
        # One at a time, with its path before the words, as Jersey's validation does.
        detail: Any = error.detail
        field, messages = next(iter(detail.items()))
        path = field
        if isinstance(messages, dict):
            index, messages = next(iter(messages.items()))
            path = f"{field}[{index}]"
        message = f"{path} {messages[0]}"
        status = HTTPStatus.BAD_REQUEST
        return self.error(status, message, title="Invalid argument", field=field)

    def bad_request(self, request: Request) -> Response:
        return self.error(HTTPStatus.BAD_REQUEST, "HTTP 400 Bad Request")

    def internal(self, request: Request) -> Response:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return self.error(status, "There was an error processing your request")
