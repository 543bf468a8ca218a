"""The bodies of the API's refusals: problems as RFC 9457 describes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework.response import Response

from webhooks.rest.parsing import RefusedValue, shortened

from .serializers.problems import Problem

MEDIA_TYPE = "application/problem+json"

# Problems with a type of their own. The others are `about:blank`, and their title is the
# phrase of the status (RFC 9457, 4.2.1).
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
ANSWER_UNREADABLE = (
    f"{_OWN_TYPES}answer-unreadable",
    "The request was done before, and its answer cannot be read.",
)
LIMIT_REACHED = (
    f"{_OWN_TYPES}limit-reached",
    "The partner may have no more of this.",
)
PARTNER_INACTIVE = (f"{_OWN_TYPES}partner-inactive", "The partner is inactive.")

PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


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


def unstorable(refused: RefusedValue) -> dict[str, Any]:
    """The problem of a value that cannot be stored."""
    detail = f"{refused.reason[0].upper()}{refused.reason[1:]}."
    return invalid([at(refused.path, detail)])


def answer(body: dict[str, Any]) -> Response:
    return Response(body, status=body["status"], content_type=MEDIA_TYPE)


def at(path: Iterable[str | int], detail: str) -> dict[str, str]:
    """One error with the JSON pointer to its value, as a fragment (RFC 6901, 6)."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    pointer = shortened("#" + "".join(f"/{step}" for step in steps))
    return {"pointer": pointer, "detail": detail}


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


def documented(*statuses: int) -> dict[Any, OpenApiResponse]:
    """Those problems, and the ones that any request may meet, for the document."""
    return {
        (status, MEDIA_TYPE): OpenApiResponse(Problem, description=PHRASES[status])
        for status in sorted({401, 403, 422, 429, 500, 503, *statuses})
    }
