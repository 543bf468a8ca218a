"""Middleware of every request, whoever asks: TLS is required, and no cache keeps an answer."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from webhooks.rest.strangers import PlainHttp, log_key_sent_in_clear

from .refusals import view_at


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
