"""Authentication, pages and errors of BLAZE.

A caller sends a partner key and a developer key. The portal has one key, so either
header may carry it, and where both do they must speak for the same partner. Sources: the
authentication, errors and pagination pages of its Partner API, and its published Swagger
document, all read 2026-11-21.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import SuspiciousOperation
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import ApiKey
from webhooks.models.outages import Unavailable
from webhooks.operations import keys, limits
from webhooks.rest import caller, refusals
from webhooks.rest.bodies import BodyTooLarge
from webhooks.rest.parsing import MalformedJSON, RefusedValue, shortened
from webhooks.rest.strangers import PlainHttp, RefusedByServer
from webhooks.rest.view import (
    MethodNotAllowed,
    NoRoute,
    NotAnObject,
    NotFound,
    OverRate,
    Refusals,
)

# `partner_key` is the older name, in the Swagger document and every public client.
# WSGI spells a hyphen and an underscore alike, so `partner-key` is heard, too.
PARTNER_KEY_HEADERS = ("HTTP_X_API_KEY", "HTTP_PARTNER_KEY")

INVALID_PARTNER_KEY = "Invalid partner key"
INVALID_DEVELOPER_KEY = "Invalid developer key"
NOT_FOUND = "Partner webhook not found"  # [D]
UNREADABLE = "Unable to process JSON"  # [D] Dropwizard's message


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
    underscored_headers = ("partner_key",)

    def key_text(self, request: Request) -> str | None:
        return partner_key(request)

    def texts(self, request: Request) -> list[str]:
        return list(filter(None, (partner_key(request), developer_key(request))))

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

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


def error(
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


def _jersey(status: HTTPStatus) -> Callable[[Request, Any], Response]:
    """Jersey's own message: the status in words."""
    return lambda *_: error(status, f"HTTP {status.value} {status.phrase}")


def _too_large(request: Request, refused: BodyTooLarge) -> Response:
    message = f"The body is longer than {refused.limit} bytes"
    # Spelled out: Python 3.13 renamed the phrase.
    title = "Request Entity Too Large"
    return error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, title=title)


def _invalid(request: Request, refused: exceptions.ValidationError) -> Response:
    """One at a time, with its path before the words, as Jersey's validation does."""
    path, told = refusals.first(refused.detail)
    return error(
        HTTPStatus.BAD_REQUEST,
        f"{refusals.bracketed(path)} {told}",
        title="Invalid argument",
        field=str(path[0]),
    )


def _refused_value(request: Request, refused: RefusedValue) -> Response:
    return error(
        HTTPStatus.BAD_REQUEST,
        f"{refused.name} {refused.reason}",
        title="Invalid argument",
        field=shortened(str(refused.path[0])) if refused.path else None,
    )


REFUSALS: Refusals = {
    DeveloperKeyRefused: lambda *_: error(
        HTTPStatus.UNAUTHORIZED, INVALID_DEVELOPER_KEY
    ),
    keys.Refused: lambda *_: error(HTTPStatus.UNAUTHORIZED, INVALID_PARTNER_KEY),
    keys.PartnerInactive: lambda *_: error(
        HTTPStatus.FORBIDDEN, "The partner is inactive"
    ),
    keys.ScopeMissing: lambda *_: error(
        HTTPStatus.FORBIDDEN, "The key lacks the permission"
    ),
    NotFound: lambda *_: error(HTTPStatus.NOT_FOUND, NOT_FOUND),
    NoRoute: _jersey(HTTPStatus.NOT_FOUND),
    MethodNotAllowed: _jersey(HTTPStatus.METHOD_NOT_ALLOWED),
    MalformedJSON: lambda *_: error(HTTPStatus.BAD_REQUEST, UNREADABLE),
    NotAnObject: lambda *_: error(HTTPStatus.BAD_REQUEST, UNREADABLE),
    exceptions.UnsupportedMediaType: _jersey(HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    BodyTooLarge: _too_large,
    OverRate: lambda _, refused: error(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"Rate limit exceeded; retry in {refused.wait} seconds",
    ),
    PlainHttp: lambda _, refused: error(HTTPStatus.FORBIDDEN, str(refused)),
    RefusedByServer: lambda _, refused: error(refused.status, str(refused)),
    # [D] No page documents a limit on webhooks: an argument that is not taken.
    limits.LimitReached: lambda _, reached: error(
        HTTPStatus.BAD_REQUEST, str(reached), title="Invalid argument"
    ),
    exceptions.ValidationError: _invalid,
    RefusedValue: _refused_value,
    SuspiciousOperation: _jersey(HTTPStatus.BAD_REQUEST),
    Unavailable: _jersey(HTTPStatus.SERVICE_UNAVAILABLE),
    Exception: lambda *_: error(
        HTTPStatus.INTERNAL_SERVER_ERROR, "There was an error processing your request"
    ),
}
