"""The keys of the portal's own API, and its answers to refused requests."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.core.exceptions import SuspiciousOperation
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import ApiKey
from webhooks.models.outages import Unavailable
from webhooks.operations import (
    access,
    deliveries,
    keys,
    limits,
    recoveries,
    secrets,
    testing,
)
from webhooks.operations.idempotency import AnswerUnreadable
from webhooks.rest import caller, idempotency, paging
from webhooks.rest.bodies import BodyTooLarge, UnknownCoding
from webhooks.rest.parsing import MalformedJSON, RefusedValue
from webhooks.rest.strangers import PlainHttp, RefusedByServer
from webhooks.rest.view import (
    MethodNotAllowed,
    NoRoute,
    NotAnObject,
    NotFound,
    OverRate,
    Refusals,
)

from .problems import (
    ANSWER_UNREADABLE,
    KEY_REUSED,
    LIMIT_REACHED,
    NOT_RECEIVING,
    PARTNER_INACTIVE,
    answer,
    at,
    flattened,
    invalid,
    problem,
    unstorable,
)

logger = logging.getLogger(__name__)

NO_SUCH_OBJECT = "There is no such object."


class Conflict(Exception):
    """The request is valid and cannot be done now; the message says why."""


class QueryRefused(exceptions.ValidationError):
    """The errors of the query, by the names of its parameters."""


def refusal(status: int, detail: str) -> Callable[[Request, Any], Response]:
    """The answer to a refusal whose detail is always the same."""
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


def _invalid_query(request: Request, error: QueryRefused) -> Response:
    detail: Any = error.detail
    return answer(
        invalid(
            [
                {"parameter": name, "detail": str(messages[0])}
                for name, messages in detail.items()
            ]
        )
    )


def _invalid_header(request: Request, error: idempotency.Refused) -> Response:
    return answer(invalid([{"header": idempotency.HEADER, "detail": str(error)}]))


def _key_reused(request: Request, error: idempotency.KeyReused) -> Response:
    errors = [{"header": idempotency.HEADER, "detail": str(error)}]
    return answer(problem(422, str(error), kind=KEY_REUSED, errors=errors))


def _answer_unreadable(request: Request, error: AnswerUnreadable) -> Response:
    detail = (
        "A request with this Idempotency-Key was done before and is not done again. Read "
        "what it made; what was shown once, such as a secret, can be rotated."
    )
    return answer(problem(409, detail, kind=ANSWER_UNREADABLE))


def _limit_reached(request: Request, error: limits.LimitReached) -> Response:
    limit = error.limit
    if limit.kind is limits.Kind.LENGTH:
        return answer(invalid([at([limit.field], str(error))]))
    status = 429 if limit.kind is limits.Kind.RATE else 409
    body = problem(status, str(error), kind=LIMIT_REACHED)
    return answer({**body, "limit": limit.name, "most": error.most})


def _invalid_filter(request: Request, error: recoveries.InvalidFilter) -> Response:
    field = "event_types" if error.field == "types" else error.field
    return answer(invalid([at([field], error.message)]))


def _invalid(request: Request, error: exceptions.ValidationError) -> Response:
    return answer(invalid(flattened(error.detail)))


def _refused_value(request: Request, error: RefusedValue) -> Response:
    return answer(unstorable(error))


def _internal(request: Request, error: Exception) -> Response:
    # An id that the caller can quote; it is logged beside the traceback.
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
    access.ShopForbidden: _challenged(
        403, "The API key is bound to other shops.", "insufficient_scope"
    ),
    NotFound: refusal(404, NO_SUCH_OBJECT),
    NoRoute: refusal(404, "There is nothing at this path."),
    MethodNotAllowed: lambda _, error: answer(
        problem(405, f"This path takes {', '.join(error.allowed)}.")
    ),
    Conflict: lambda _, error: answer(problem(409, str(error))),
    deliveries.NotReceiving: lambda _, error: answer(
        problem(409, str(error), kind=NOT_RECEIVING)
    ),
    deliveries.UnderWay: refusal(409, "An attempt is under way."),
    deliveries.StillPending: refusal(
        409, "It is still pending, and only what has ended is rendered anew."
    ),
    testing.Untestable: refusal(
        409, "The subscription's dialect has no name for such an event."
    ),
    recoveries.Finished: refusal(
        409, "The recovery has ended, and nothing of it waits."
    ),
    recoveries.InvalidFilter: _invalid_filter,
    secrets.NotSigned: refusal(409, "Deliveries of this subscription are not signed."),
    secrets.UnusableSecret: lambda *_: answer(
        invalid(
            [
                at(
                    ["secret"],
                    "Is not of the form that the subscription's profile takes.",
                )
            ]
        )
    ),
    keys.Unusable: refusal(409, "The key was revoked, or has expired."),
    idempotency.Refused: _invalid_header,
    idempotency.KeyReused: _key_reused,
    AnswerUnreadable: _answer_unreadable,
    paging.CursorRefused: lambda *_: answer(
        invalid([{"parameter": "cursor", "detail": "Is none that this list gave."}])
    ),
    QueryRefused: _invalid_query,
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
    PlainHttp: lambda _, error: answer(problem(403, str(error))),
    RefusedByServer: lambda _, error: answer(problem(error.status, str(error))),
    limits.LimitReached: _limit_reached,
    exceptions.ValidationError: _invalid,
    RefusedValue: _refused_value,
    SuspiciousOperation: refusal(
        400, "The host is not served here, or the query has too many parameters."
    ),
    Unavailable: refusal(
        503, f"Not available at the moment: try again in {Unavailable.wait} seconds."
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
