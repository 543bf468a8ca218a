"""Answers to refused requests, for a vendor that documents the error format but not the
messages.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import SuspiciousOperation
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models.outages import Unavailable
from webhooks.operations import keys, limits
from webhooks.operations.idempotency import AnswerUnreadable

from . import idempotency
from .bodies import BodyTooLarge
from .paging import CursorRefused
from .parsing import MalformedJSON, Path
from .strangers import PlainHttp, RefusedByServer
from .urlencoded import TooManyFields
from .view import (
    MethodNotAllowed,
    NoRoute,
    NotAnObject,
    NotFound,
    OverRate,
    Refusals,
)

# Kind -> status, and a sentence that may name what the exception holds.
_PLAIN: Mapping[type[Exception], tuple[int, str]] = {
    keys.Refused: (401, "The API key is missing, unknown or no longer valid."),
    keys.PartnerInactive: (403, "The partner is not active."),
    keys.ScopeMissing: (403, "The API key may not do this."),
    NoRoute: (404, "There is no such path."),
    NotFound: (404, "There is no such object."),
    MethodNotAllowed: (405, "The path does not take this method."),
    exceptions.UnsupportedMediaType: (415, "The media type is not supported."),
    BodyTooLarge: (413, "The body is longer than {0.limit} bytes."),
    TooManyFields: (413, "The body has more than {0.limit} fields."),
    MalformedJSON: (400, "The body is not valid JSON."),
    NotAnObject: (400, "The body must be a JSON object."),
    CursorRefused: (400, "The cursor was not made by this list."),
    idempotency.Refused: (400, "Idempotency-Key: {0}"),
    idempotency.KeyReused: (422, "Idempotency-Key: {0}"),
    AnswerUnreadable: (409, "It was done, and its answer cannot be read any more."),
    limits.LimitReached: (409, "{0}"),
    OverRate: (429, "Too many requests: wait {0.wait} seconds."),
    PlainHttp: (403, "{0}"),
    SuspiciousOperation: (400, "The request was not understood."),
    Unavailable: (
        503,
        f"Not available at the moment: wait {Unavailable.wait} seconds.",
    ),
    Exception: (500, "The request failed."),
}


def plain(answer: Callable[[int, str], Response]) -> Refusals:
    """A row for every kind but ValidationError, which each vendor answers its own way.

    `answer` makes an error of a status and a sentence.
    """

    def row(status: int, sentence: str) -> Callable[[Request, Any], Response]:
        return lambda request, error: answer(status, sentence.format(error))

    return {
        RefusedByServer: lambda _, error: answer(error.status, str(error)),
        **{kind: row(*words) for kind, words in _PLAIN.items()},
    }


def flattened(detail: Any) -> dict[str, list[str]]:
    """The messages of a ValidationError by their fields; what is wrong inside a list goes
    under `events.0`."""
    if not isinstance(detail, Mapping):
        return {"": [str(message) for message in detail]}
    return {
        f"{field}.{inner}" if inner else str(field): messages
        for field, details in detail.items()
        for inner, messages in flattened(details).items()
    }


def first(detail: Any) -> tuple[Path, exceptions.ErrorDetail]:
    """The first message of a ValidationError, for a vendor that tells one at a time, and
    the path to the value that it is about."""
    path: Path = ()
    while isinstance(detail, Mapping):
        step, detail = next(iter(detail.items()))
        path = (*path, step)
    return path, detail[0]


def bracketed(path: Path) -> str:
    """`events[0]`"""
    return "".join(f"[{step}]" if n else str(step) for n, step in enumerate(path))
