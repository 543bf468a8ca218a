"""The Idempotency-Key header: a request that is repeated does its work once.

Source: draft-ietf-httpapi-idempotency-key-header-07. An interface that takes the header
has rows for `Refused`, `KeyReused` and `idempotency.AnswerUnreadable` of operations in its table of
refusals.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson
from django.utils.crypto import salted_hmac
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import Partner
from webhooks.operations import idempotency
from webhooks.operations.eventchecks import MAX_KEY

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"

# The draft's Structured Field string, or the bare text that most clients send.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"[!#-~](?:[ !#-~]*[!#-~])?")
_ESCAPED = re.compile(r"\\(.)")


class Refused(Exception):
    """The header is malformed; the message says why."""


class KeyReused(Exception):
    """The key was used for another request. The draft answers 422 (section 2.7)."""


def parameter(description: str) -> OpenApiParameter:
    """The header, for an OpenAPI document."""
    return OpenApiParameter(
        HEADER,
        {"type": "string", "pattern": f"^{_BARE.pattern}$", "maxLength": MAX_KEY},
        OpenApiParameter.HEADER,
        description=description,
    )


PARAMETER = parameter(
    "Makes a repeat of the request, within a day, do nothing; it is answered as the "
    "first time."
)


def from_header(request: Request) -> str | None:
    """The key that the header holds; None without one. Raises Refused."""
    text = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if text is None:
        return None
    if quoted := _QUOTED.fullmatch(text):
        key = _ESCAPED.sub(r"\1", quoted[1])
    elif _BARE.fullmatch(text):
        key = str(text)
    else:
        raise Refused("Must be a quoted string of printable ASCII.")
    if not 0 < len(key) <= MAX_KEY:
        raise Refused(f"Must be of 1 to {MAX_KEY} characters.")
    return key


def fingerprint(request: Any) -> str:
    """A digest of the parts of a request, whatever the order of their members. It needs
    the SECRET_KEY: a short secret in a body cannot be found by trying."""
    whole = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
    return salted_hmac(__name__, whole, algorithm="sha256").hexdigest()


def once(request: Request, partner: Partner, do: Callable[[], Response]) -> Response:
    """The answer of `do`, or what it answered when the header's key was first used.

    The calling key is a part of the request: another key is not given an answer that it
    might not see. Raises Refused, KeyReused,
    idempotency.AnswerUnreadable, and what `do` raises, which leaves the key unused.
    """
    key = from_header(request)
    if key is None:
        return do()
    caller: Any = request.user
    parts = [
        request.method,
        request.path,
        dict(request.query_params),
        request.data,
        str(caller.client_id),
    ]
    try:
        answered = idempotency.once(
            partner=partner,
            key=key,
            fingerprint=fingerprint(parts),
            do=lambda: _written(do()),
        )
    except idempotency.KeyReused:
        raise KeyReused("This key was used for another request.") from None
    status, body, location = orjson.loads(answered.text)
    response = Response(body, status=status)
    if location is not None:
        response["Location"] = location
    if answered.is_repeat:
        response[REPLAYED] = "true"
    return response


def _written(response: Response) -> str:
    kept = [response.status_code, response.data, response.get("Location")]
    return orjson.dumps(kept).decode()
