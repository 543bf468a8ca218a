"""How Partnero is called and how it refuses.

Its reference says that every response has a `status`, 1 or a failure, and that failures
have a `message`; the bodies themselves are not published. [D] The messages are those of
Laravel, whose forms its clients expect: the PHP SDK decodes 404 and 422 as JSON and reads
`message` and `errors`. Sources: the reference's introduction and the vendor's PHP and
Python clients, read 2026-11-21.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.operations import keys
from webhooks.rest import caller, endpoint
from webhooks.rest.parsing import MalformedJSON

SUCCESS, FAILURE = 1, 0

# The order in which Laravel's router looks for other methods of a path.
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

LIMIT_DEFAULT, LIMIT_MIN, LIMIT_MAX = 10, 10, 100

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_PAGE = re.compile(r"[0-9]{1,9}", re.ASCII)


class Authentication(caller.BearerKey):
    dialect = "partnero"


class Bearer(OpenApiAuthenticationExtension):
    target_class = Authentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key."}


def errors_of(detail: Any) -> dict[str, list[str]]:
    """Field -> messages; what is wrong inside a list goes under `events.0`."""
    errors: dict[str, list[str]] = {}
    for field, messages in detail.items():
        if isinstance(messages, dict):
            for index, inner in messages.items():
                errors[f"{field}.{index}"] = [str(message) for message in inner]
        else:
            errors[field] = [str(message) for message in messages]
    return errors


def summary(errors: dict[str, list[str]]) -> str:
    """The first message, and how many there are besides, as Laravel counts them."""
    messages = [message for each in errors.values() for message in each]
    more = len(messages) - 1
    if not more:
        return messages[0]
    return f"{messages[0]} (and {more} more error{'s' if more > 1 else ''})"


class Protocol(endpoint.Protocol):
    # A body on GET or DELETE is read only where the list looks for its parameters.
    check_order = ("method", "key", "scope", "rate")

    def failure(self, status: int, message: str, **members: Any) -> Response:
        body = {"message": message, **members, "status": FAILURE}
        return Response(body, status=status)

    def key_refused(self, request: Request, refused: keys.Refused) -> Response:
        response = self.failure(401, "Unauthenticated.")
        response["WWW-Authenticate"] = "Bearer"
        return response

    def partner_inactive(self, request: Request) -> Response:
        return self.failure(403, "This account is not active.")

    def forbidden(self, request: Request) -> Response:
        return self.failure(403, "This action is unauthorized.")

    def not_found(self, request: Request) -> Response:
        return self.failure(404, "Webhook not found.")

    def no_route(self, request: Request) -> Response:
        path = request.path.strip("/")
        return self.failure(404, f"The route {path} could not be found.")

    def method_not_allowed(self, request: Request, allowed: list[str]) -> Response:
        verbs = ", ".join(verb for verb in VERBS if verb in allowed)
        response = self.failure(
            405,
            f"The {request.method} method is not supported for route "
            f"{request.path.strip('/')}. Supported methods: {verbs}.",
        )
        response["Allow"] = verbs
        return response

    def malformed_json(self, request: Request, error: MalformedJSON) -> Response:
        # Laravel would take it for no input; a PUT would then change nothing and say 200.
        return self.failure(400, "The request body is not valid JSON.")

    def not_an_object(self, request: Request) -> Response:
        return self.failure(400, "The request body must be a JSON object.")

    def unsupported_media_type(self, request: Request) -> Response:
        message = "The request body must be sent as application/json."
        return self.failure(422, message, errors={"body": [message]})

    def too_large(self, request: Request, limit: int) -> Response:
        return self.failure(413, f"The request body is longer than {limit} bytes.")

    def throttled(self, request: Request, wait: int) -> Response:
        return self.failure(429, "Too Many Attempts.")

    def invalid(self, request: Request, error: exceptions.ValidationError) -> Response:
        errors = errors_of(error.detail)
        return self.failure(422, summary(errors), errors=errors)

    def bad_request(self, request: Request) -> Response:
        return self.failure(400, "Bad Request")

    def internal(self, request: Request) -> Response:
        return self.failure(500, "Server Error")


@dataclass(frozen=True)
class Page:
    """A page of a list, in the envelope of Laravel's simplePaginate, which knows whether
    there is a next page and not which is the last."""

    number: int
    limit: int

    @classmethod
    def asked(cls, given: Mapping[str, Any]) -> Self:
        """A limit out of range is moved into it [D]; a bad page is the first [I].

        Raises ValidationError for a limit that is no number.
        """
        limit, number = given.get("limit"), str(given.get("page"))
        if limit in (None, ""):
            limit = LIMIT_DEFAULT
        elif isinstance(limit, bool) or not _INTEGER.fullmatch(str(limit)):
            message = "The limit field must be an integer."
            raise exceptions.ValidationError({"limit": [message]})
        return cls(
            number=int(number) or 1 if _PAGE.fullmatch(number) else 1,
            limit=min(max(int(limit), LIMIT_MIN), LIMIT_MAX),
        )

    @property
    def skip(self) -> int:
        return (self.number - 1) * self.limit

    def links_and_meta(self, request: Request, *, found: int) -> dict[str, Any]:
        """`found` counts what is on the page and, where there is more, one beyond."""
        path = request.build_absolute_uri(request.path.rstrip("/"))
        held = min(found, self.limit)

        def link(number: int) -> str:
            # With the limit: the n8n node follows a link as it is.
            return f"{path}?limit={self.limit}&page={number}"

        is_default = self.limit == LIMIT_DEFAULT
        return {
            "links": {
                "first": f"{path}?page=1" if is_default else link(1),
                "last": None,
                "prev": link(self.number - 1) if self.number > 1 else None,
                "next": link(self.number + 1) if found > self.limit else None,
            },
            "meta": {
                "current_page": self.number,
                "from": self.skip + 1 if held else None,
                "path": path,
                "per_page": self.limit,
                "to": self.skip + held if held else None,
            },
        }
