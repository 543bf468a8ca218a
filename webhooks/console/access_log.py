"""Gives every request an id, and writes one record of it.

The id is answered as `X-Request-Id`. It is what the proxy in front sent under that name, so that
both logs have the same one, or a new one.
"""

import logging
import re
from collections.abc import Callable
from os import urandom
from time import perf_counter

from django.http import HttpRequest, HttpResponseBase

from . import logs
from .client_address import client_ip

logger = logging.getLogger("webhooks.access")

HEADER = "X-Request-Id"
LONGEST_PATH = 500
"""Characters of a path that are written; it may hold a whole query by mistake."""

_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:=+/@-]{7,127}")


class AccessLog:
    """Middleware, right after the one that knows where a request comes from.

    A query string is not written: it may hold what is nobody's business. What monitoring asks
    for every few seconds is written at the level DEBUG.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest, *, seconds: float = 0) -> HttpResponseBase:
        """`seconds` that the request has taken until now."""
        began = perf_counter() - seconds
        current = logs.CurrentRequest(_id_of(request))
        with logs.Answering(current):
            response = self.get_response(request)
            response[HEADER] = current.id
            # The web server gives callers turns by it: see `webhooks.server.worker.CALLER`.
            request.META["webhooks.caller"] = current.caller
            # Django would write a record of its own for what was refused, without the id.
            response._has_been_logged = True  # type: ignore[attr-defined]
            level = logging.DEBUG if request.path in _PROBES else logging.INFO
            if logger.isEnabledFor(level):
                _write(level, request, response.status_code, perf_counter() - began)
        return response


def _id_of(request: HttpRequest) -> str:
    given: str = request.META.get("HTTP_X_REQUEST_ID", "")
    return given if _ID.fullmatch(given) else urandom(16).hex()


def _write(level: int, request: HttpRequest, status: int, seconds: float) -> None:
    method, path = (request.method or "")[:20], request.path[:LONGEST_PATH]
    # Made here: `logger.log` would look for its caller in the stack, for half of the whole time.
    text = f"{method or '-'} {path or '-'} {status}"
    record = logging.LogRecord(logger.name, level, "", 0, text, None, None)
    setattr(
        record,
        logs.FIELDS,
        {
            "method": method,
            "path": path,
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
            "address": client_ip(request) or "",
        },
    )
    logger.handle(record)
