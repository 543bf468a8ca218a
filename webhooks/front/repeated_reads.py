"""A read whose database connection is lost meanwhile is made once more, on a new connection."""

import logging
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from webhooks.models import outages

logger = logging.getLogger(__name__)


class RepeatedReads:
    """Only GET and HEAD. What they write is a note of themselves, such as *Secrets shown* in the
    audit log, which may then stand there twice. Of another method nobody can tell here what was
    done: its caller is answered with 503.

    It stands before the first middleware that asks the database. A request with a body is not
    repeated, because the body has been read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        has_body = request.META.get("CONTENT_LENGTH") not in (None, "", "0")
        if request.method not in ("GET", "HEAD") or has_body:
            return self.get_response(request)
        untouched = dict(vars(request))
        outages.has_lost_connection()
        response = self.get_response(request)
        if not response.streaming and outages.has_lost_connection():
            logger.warning("%s %s is repeated.", request.method, request.path)
            vars(request).clear()
            vars(request).update(untouched)
            response = self.get_response(request)
        return response
