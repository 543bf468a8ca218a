"""Authentication and answers of Capa, in its version 1 and in version 2.

Source: the tables of codes and messages in the reference on docs.capa.fi, read 2026-11-21.
No page shows the JSON of an error. [D] It mirrors the success of its version, with
`message` at the top level, where the one public client that reads it looks.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.operations import keys, limits
from webhooks.rest import caller, nestjs
from webhooks.rest.strangers import PlainHttp
from webhooks.rest.view import NotAnObject, OverRate, Refusals

HEADER = "partner-api-key"

# [D] What has not this form is told apart from a key that does not exist.
KEY_FORM = re.compile(r"[A-Za-z0-9._-]{16,128}")

NOT_AN_OBJECT = "the body must be an object"


def key_text(request: Request) -> str | None:
    text: str = request.META.get("HTTP_PARTNER_API_KEY", "").strip()
    return text or None


@dataclass(frozen=True)
class Version:
    """How a version of the API wraps its answers."""

    succeeded: Mapping[str, Any]
    failed: Mapping[str, Any]

    def success(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.succeeded, "data": data}

    def error(self, status: int, code: str, message: str, **more: Any) -> Response:
        body = {**self.failed, "code": code, "message": message, **more}
        return Response(body, status=status)

    def _key_refused(self, request: Request, refused: keys.Refused) -> Response:
        text = key_text(request)
        if text is None:
            message = "API Key is missing"
        elif KEY_FORM.fullmatch(text) is None:
            message = "Invalid API Key format"
        else:
            message = "Invalid API Key"
        return self.error(401, "UNAUTHORIZED", message)

    def _invalid(self, errors: Iterable[str]) -> Response:
        code, message = "INVALID_USER_INPUT_ERROR", "Invalid User Input"
        return self.error(400, code, message, errors=list(errors))

    @property
    def refusals(self) -> Refusals:
        return {
            **nestjs.REFUSALS,
            keys.Refused: self._key_refused,
            keys.PartnerInactive: lambda *_: self.error(
                403, "INVALID_PARTNER_FLOW", "The partner has an invalid flow."
            ),
            keys.ScopeMissing: lambda *_: self.error(
                403, "FORBIDDEN", "The API Key may not change the settings."
            ),
            NotAnObject: lambda *_: self._invalid([NOT_AN_OBJECT]),
            OverRate: lambda *_: self.error(
                429, "TOO_MANY_REQUESTS", "Too Many Requests"
            ),
            PlainHttp: lambda _, error: self.error(403, "FORBIDDEN", str(error)),
            # [D] The one documented refusal of a request that is well-formed.
            limits.LimitReached: lambda _, error: self._invalid([str(error)]),
            exceptions.ValidationError: lambda _, error: self._invalid(
                chain.from_iterable(error.detail.values())
            ),
        }


VERSION_1 = Version(succeeded={"status": "ok"}, failed={"status": "error"})
# [D] Errors in the spirit of version 2's success, with version 1's codes.
VERSION_2 = Version(succeeded={"success": True}, failed={"success": False})


class Authentication(caller.KeyAuthentication):
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
