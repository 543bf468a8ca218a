"""Middleware of every request, whoever asks: TLS is required, no cache keeps an answer, and no
long form is read before a login."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from webhooks.console import sessions
from webhooks.rest.strangers import PlainHttp, log_key_sent_in_clear

from .refusals import view_at

LONGEST_BEFORE_LOGIN = 32 * 1024
"""Bytes of a form: the address to return to may take 16 KiB, a password 12. Percent signs are what
takes the longest to read, 0.4 s a MiB."""


class ApisByTlsOnly:
    """Refuses plain http to an interface, in its own shape, where Django redirects a page.

    It stands before Django's SecurityMiddleware and obeys the same setting. A redirected call
    has sent its key in the clear, and would go on to do so, because its owner notices nothing.
    Most clients turn a redirected PUT into a GET, too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_in_clear = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        if is_in_clear and (view := view_at(request.path_info)):
            log_key_sent_in_clear(view.authentication_classes, request)
            return view.refused(request, PlainHttp())
        return self.get_response(request)


class NotStored:
    """Tells every cache to keep no answer, except one that is declared public.

    Most answers hold partner data, a key or a secret, so a view must say that its answer holds
    none: `@cache_control(public=True, ...)`. The others also name what they depend on: the
    session and, in the browsable API, the media type that is asked for. Nor does a browser
    take any answer for something else than its type says.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["X-Content-Type-Options"] = "nosniff"
        directives = response.get("Cache-Control", "").replace(" ", "").split(",")
        if "public" not in directives:
            if "no-store" not in directives:
                patch_cache_control(response, no_store=True)
            patch_vary_headers(response, ("Accept", "Cookie"))
        return response


class ShortFormsBeforeLogin:
    """Refuses a long body to who has not logged in, unless an interface reads it by its own limit.

    It stands before the first middleware that reads a form, which is that of CSRF, and allows
    the request of `portal.wsgi` to read it. Only a long body costs a look at the session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > LONGEST_BEFORE_LOGIN:
            if view_at(request.path_info) is not None:
                return None
            if not sessions.is_complete(request):
                return self._refused()
        request.may_read_form = True  # type: ignore[attr-defined]
        return None

    def _refused(self) -> HttpResponse:
        return HttpResponse(
            f"Before a login, a form has at most {LONGEST_BEFORE_LOGIN} bytes.\n",
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            content_type="text/plain; charset=utf-8",
        )
