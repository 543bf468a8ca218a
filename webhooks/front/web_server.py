"""What the web server asks the portal about requests that it has not handed on to Django.

Neither function makes a query: both run in the server's loop.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from django.core.handlers.wsgi import get_path_info
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.utils.encoding import repercent_broken_unicode

from webhooks.console.access_log import AccessLog
from webhooks.console.client_address import ClientAddress
from webhooks.rest.strangers import RefusedByServer

from .middleware import NotStored
from .refusals import view_at


def longest_body(path: bytes) -> int | None:
    """The bytes of a body that the interface at a path reads, so that it is the one to answer
    413. None: it is no interface's. `path` is that of a request line."""
    view = view_at(repercent_broken_unicode(unquote_to_bytes(path)).decode())
    return None if view is None else view.max_body


def refuse(
    environ: dict[str, Any], status: HTTPStatus, reason: str, seconds: float
) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body for a request that the server refuses, which is then in the access log.

    An interface answers in its own shape. Id, address and record are those of any other request,
    and so are the headers that a browser obeys: HSTS, where it came by TLS.
    """
    request = _Request()
    request.META = environ
    request.method = environ["REQUEST_METHOD"]
    request.path = request.path_info = get_path_info(environ)
    answer = _worded(request, status, reason)
    secured = SecurityMiddleware(lambda _: answer)
    log = AccessLog(NotStored(lambda of: secured.process_response(of, answer)))
    ClientAddress(lambda request: log(request, seconds=seconds))(request)
    return [*answer.items()], answer.content


class _Request(HttpRequest):
    def _get_scheme(self) -> str:
        """As `ClientAddress` has read it."""
        scheme: str = self.META["wsgi.url_scheme"]
        return scheme


def _worded(request: HttpRequest, status: HTTPStatus, reason: str) -> HttpResponse:
    if view := view_at(request.path_info):
        return view.refused(request, RefusedByServer(status, reason))
    text = "text/plain; charset=utf-8"
    return HttpResponse(f"{reason}\n", status=status, content_type=text)
