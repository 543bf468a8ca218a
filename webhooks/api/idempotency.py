"""The Idempotency-Key header: a request that is repeated does its work once.

Source: draft-ietf-httpapi-idempotency-key-header-07. A key that comes back with another
request is 422 there, section 2.7.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import Partner
from webhooks.operations import repeats
from webhooks.operations.eventchecks import MAX_KEY

from .protocol import KeyReused, PartRefused

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"

PARAMETER = OpenApiParameter(
    HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Makes a repeat of the request, within a day, do nothing; it is "
    "answered as the first time.",
)

# The draft's Structured Field string, or the bare text that most clients send.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"[!#-~](?:[ !#-~]*[!#-~])?")
_ESCAPED = re.compile(r"\\(.)")


def refused(detail: str) -> PartRefused:
    return PartRefused("header", HEADER, detail)


def from_header(request: Request) -> str | None:
    """The key that the header holds; None without one. Raises PartRefused."""
    text = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if text is None:
        return None
    if quoted := _QUOTED.fullmatch(text):
        key = _ESCAPED.sub(r"\1", quoted[1])
    elif _BARE.fullmatch(text):
        key = str(text)
    else:
        raise refused("Must be a quoted string of printable ASCII.")
    if not 0 < len(key) <= MAX_KEY:
        raise refused(f"Must be of 1 to {MAX_KEY} characters.")
    return key


def agreed(header: str | None, body: str | None) -> str | None:
    """The one key that header and body give; raises PartRefused if they give two."""
    if header is not None and body is not None and header != body:
        raise refused("Must be the same as the idempotency_key of the body.")
    return header if body is None else body


def fingerprint(asked: Any) -> str:
    """SHA-256 over what was asked for, whatever the order of its members."""
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


def once(request: Request, partner: Partner, do: Callable[[], Response]) -> Response:
    """The answer of `do`, or what it answered when the header's key was first used.

    Raises KeyReused and PartRefused.
    """
    key = from_header(request)
    if key is None:
        return do()
    asked = [request.method, request.path, dict(request.query_params), request.data]
    try:
        answered = repeats.once(
            partner=partner,
            key=key,
            fingerprint=fingerprint(asked),
            do=lambda: _written(do()),
        )
    except repeats.KeyReused:
        error = refused("This key was used for another request.").error
        raise KeyReused(error) from None
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
