"""Middleware of every answer, whoever asks: nothing is kept by a cache, unless it says so."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers


class NotStored:
    """Tells every cache to keep no answer, except one that is declared public.

    Most answers hold partner data, a key or a secret, so a view must say that its answer holds
    none: `@cache_control(public=True, ...)`. The others also name what they depend on: the
    session and, in the browsable API, the media type that is asked for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        directives = response.get("Cache-Control", "").replace(" ", "").split(",")
        if "public" not in directives:
            if "no-store" not in directives:
                patch_cache_control(response, no_store=True)
            patch_vary_headers(response, ("Accept", "Cookie"))
        return response
