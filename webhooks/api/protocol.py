"""How the portal's own API answers: RFC 9457 problems, and the limits of a caller."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4

from django.core.exceptions import SuspiciousOperation
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import ApiKey
from webhooks.operations import keys
from webhooks.rest import caller
from webhooks.rest.bodies import BodyTooLarge, UnknownCoding
from webhooks.rest.endpoint import (
    MethodNotAllowed,
    NoRoute,
    NotAnObject,
    NotFound,
    OverRate,
    Refusals,
)
from webhooks.rest.parsing import MalformedJSON, RefusedValue
from webhooks.rest.throttling import WINDOW, Allowance

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

# The problems that say more than their status. The others are `about:blank`, whose title
# is the status's own phrase (RFC 9457, 4.2.1).
_OWN_TYPES = "urn:webhook-portal:problem:"
INVALID_REQUEST = (f"{_OWN_TYPES}invalid-request", "The request is not valid.")
KEY_REUSED = (
    f"{_OWN_TYPES}idempotency-key-reused",
    "The idempotency key was used for another request.",
)
NOT_RECEIVING = (
    f"{_OWN_TYPES}not-receiving",
    "The subscription cannot be sent to.",
)
PARTNER_INACTIVE = (f"{_OWN_TYPES}partner-inactive", "The partner is inactive.")

PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class Conflict(Exception):
    """What is asked for is right, and not possible as things stand."""

    def __init__(self, detail: str, kind: tuple[str, str] | None = None) -> None:
        super().__init__(detail)
        self.problem = problem(409, detail, kind=kind)


class KeyReused(Exception):
    """The idempotency key was used for another request; `error` says where it is."""

    def __init__(self, error: dict[str, str]) -> None:
        super().__init__(error["detail"])
        detail = error["detail"]
        self.problem = problem(422, detail, kind=KEY_REUSED, errors=[error])


class PartRefused(exceptions.ValidationError):
    """What is wrong is not in the body: `part` is `header` or `parameter`."""

    def __init__(self, part: str, name: str, detail: str) -> None:
        super().__init__(detail)
        self.error = {part: name, "detail": detail}


def problem(
    status: int,
    detail: str,
    *,
    kind: tuple[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """The body of a problem; `kind` is one of the type-and-title pairs above."""
    type_, title = kind or ("about:blank", PHRASES[status])
    body: dict[str, Any] = {
        "type": type_,
        "title": title,
        "status": status,
        "detail": detail,
    }
    if errors is not None:
        body["errors"] = errors
    return body


def invalid(errors: list[dict[str, str]]) -> dict[str, Any]:
    """The problem of a request that was understood and is wrong."""
    detail = "; ".join(error["detail"] for error in errors[:3])
    return problem(422, detail, kind=INVALID_REQUEST, errors=errors)


def answer(body: dict[str, Any]) -> Response:
    return Response(body, status=body["status"], content_type=MEDIA_TYPE)


def at(path: Iterable[str | int], detail: str) -> dict[str, str]:
    """One error with the JSON pointer to its value, as a fragment (RFC 6901, 6)."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return {"pointer": "#" + "".join(f"/{step}" for step in steps), "detail": detail}


def flattened(detail: Any, path: tuple[str | int, ...] = ()) -> list[dict[str, str]]:
    """DRF's nested errors of a serializer as a list, each with its pointer."""
    if isinstance(detail, Mapping):
        return [
            error
            for step, inner in detail.items()
            for error in flattened(
                inner, path if step == "non_field_errors" else (*path, step)
            )
        ]
    return [at(path, str(message)) for message in detail]


def rate_headers(allowance: Allowance | None, limit: int) -> dict[str, str]:
    """`RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10."""
    if not limit:
        return {}
    headers = {"RateLimit-Policy": f'"default";q={limit};w={WINDOW}'}
    if allowance is not None:
        left = f'"default";r={allowance.remaining};t={allowance.reset}'
        headers["RateLimit"] = left
    return headers


def refusal(status: int, detail: str) -> Callable[[Request, Any], Response]:
    """The answer to a kind of refusal that is always told in the same words."""
    return lambda *_: answer(problem(status, detail))


def _challenged(
    status: int, detail: str, error: str
) -> Callable[[Request, Any], Response]:
    def refuse(request: Request, refused: Exception) -> Response:
        response = answer(problem(status, detail))
        response["WWW-Authenticate"] = f'Bearer error="{error}"'  # RFC 6750, 3.1
        return response

    return refuse


def _partner_inactive(request: Request, refused: Exception) -> Response:
    detail = "The partner that the key belongs to is switched off."
    return answer(problem(403, detail, kind=PARTNER_INACTIVE))


def _invalid(request: Request, error: exceptions.ValidationError) -> Response:
    if isinstance(error, PartRefused):
        return answer(invalid([error.error]))
    return answer(invalid(flattened(error.detail)))


def _refused_value(request: Request, error: RefusedValue) -> Response:
    detail = f"{error.reason[0].upper()}{error.reason[1:]}."
    return answer(invalid([at(error.path, detail)]))


def _internal(request: Request, error: Exception) -> Response:
    # What the caller can quote, beside the traceback that was just logged.
    occurrence = uuid4().urn
    logger.error("answered as %s", occurrence)
    detail = "The portal failed; trying again may help."
    return answer({**problem(500, detail), "instance": occurrence})


REFUSALS: Refusals = {
    keys.Missing: refusal(401, "An API key is required."),
    keys.Refused: _challenged(
        401,
        "The API key is unknown, expired or revoked.",
        "invalid_token",
    ),
    keys.PartnerInactive: _partner_inactive,
    keys.ScopeMissing: _challenged(
        403, "The API key lacks the scope for this.", "insufficient_scope"
    ),
    keys.WrongKind: _challenged(
        403, "This path takes keys of the other kind.", "insufficient_scope"
    ),
    NotFound: refusal(404, "There is no such object."),
    NoRoute: refusal(404, "There is nothing at this path."),
    MethodNotAllowed: lambda _, error: answer(
        problem(405, f"This path takes {', '.join(error.allowed)}.")
    ),
    Conflict: lambda _, error: answer(error.problem),
    KeyReused: lambda _, error: answer(error.problem),
    MalformedJSON: lambda _, error: answer(
        problem(
            400,
            f"The body is not JSON: {error.reason}, at character {error.position}.",
        )
    ),
    NotAnObject: lambda *_: answer(invalid([at((), "Must be a JSON object.")])),
    exceptions.UnsupportedMediaType: refusal(415, "The body must be application/json."),
    UnknownCoding: refusal(415, "The body must be sent without a Content-Encoding."),
    BodyTooLarge: lambda _, error: answer(
        problem(413, f"The body is longer than {error.limit} bytes.")
    ),
    OverRate: lambda _, error: answer(
        problem(429, f"Try again in {error.wait} seconds.")
    ),
    exceptions.ValidationError: _invalid,
    RefusedValue: _refused_value,
    SuspiciousOperation: refusal(
        400, "The host is not served here, or the query has too many parameters."
    ),
    Exception: _internal,
}


class PublisherKey(caller.BearerKey):
    kind = ApiKey.Kind.PUBLISHER


class PublisherScheme(OpenApiAuthenticationExtension):
    target_class = PublisherKey
    name = "PublisherKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        description = "A publisher's key: `manage.py issue_key --publisher`."
        return {"type": "http", "scheme": "bearer", "description": description}


class PartnerKey(caller.BearerKey):
    pass


class PartnerScheme(OpenApiAuthenticationExtension):
    target_class = PartnerKey
    name = "PartnerKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        description = "A partner's key: `manage.py issue_key PARTNER_NAME`."
        return {"type": "http", "scheme": "bearer", "description": description}
