"""Authentication and errors of Nursa: NestJS's built-in exceptions.

Source: the responses of the User Webhooks pages on docs.nursa.com, read 2026-11-21.
"""

from itertools import chain, starmap
from typing import Any

from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.operations import keys, limits
from webhooks.rest import caller, nestjs
from webhooks.rest.nestjs import exception
from webhooks.rest.view import NotAnObject, NotFound, OverRate, Refusals


def _messages(field: str, detail: Any) -> list[str]:
    """An error inside a list is reported once, whatever elements have it."""
    if isinstance(detail, dict):
        return [f"each value in {field} must be a string"]
    return list(detail)


def _invalid(request: Request, error: exceptions.ValidationError) -> Response:
    detail: Any = error.detail
    if isinstance(detail, dict):
        detail = list(chain.from_iterable(starmap(_messages, detail.items())))
    return exception(400, detail, "Bad Request")


def _forbidden(request: Request, error: object) -> Response:
    return exception(403, "Forbidden Resource", "Forbidden")


REFUSALS: Refusals = {
    **nestjs.REFUSALS,
    keys.Refused: lambda *_: exception(401, "Unauthorized"),
    keys.PartnerInactive: _forbidden,
    keys.ScopeMissing: _forbidden,
    NotFound: lambda *_: exception(404, "Webhook not found", "Not Found"),
    NotAnObject: lambda *_: exception(400, "the body must be an object", "Bad Request"),
    # [D] HTML at the vendor, which no client of a JSON interface wants.
    OverRate: lambda *_: exception(429, "Too Many Requests"),
    # [D] As a rule of class-validator that the body breaks.
    limits.LimitReached: lambda _, error: exception(400, [str(error)], "Bad Request"),
    exceptions.ValidationError: _invalid,
}


class Authentication(caller.BearerKey):
    """[D] The vendor's tokens are OpenID Connect JWTs; here a key stands for one."""

    def authenticate_header(self, request: Request) -> None:
        """Its 401 names no scheme."""
