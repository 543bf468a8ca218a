"""Middleware of the pages for people: no page before the login is complete, no hidden text, and
no text that no database stores."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import BadRequest
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
)
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from webhooks.operations import logins

from . import logs, sessions, untrusted_text
from .actor import staff_actor
from .sessions import LoginStep, pending_step

LONGEST_QUERY = 16_384
"""Bytes of a query string, percent-encoded."""

_UTF_8 = {"utf-8", "utf8"}
_NAMESPACES = {"admin", "staff"}
_ALWAYS_OPEN = {"admin:login", "admin:logout"}

# The pages that are open while a step is pending; the first is where the step begins.
_OPEN_PAGES = {
    LoginStep.CODE: ["staff:enter-code"],
    LoginStep.PASSWORD: ["staff:change-password"],
    LoginStep.ENROLMENT: ["staff:second-factor", "staff:confirm-second-factor"],
}


class CompleteLogin:
    """Ends a session that is over, and shows no page before the login is complete.

    It covers the console and the admin. Interfaces of partners take keys. The browsable
    API has a session, and makes the same checks itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        view = getattr(match and match.func, "view_class", None)
        sessions.record_activity(
            request, is_sign_of_life=getattr(view, "keeps_session_alive", True)
        )
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        if match is None or _NAMESPACES.isdisjoint(match.namespaces):
            return None
        if why := sessions.end_reason(request):
            if request.user.is_authenticated:
                logins.ended(by=staff_actor(request), reason=why)
            sessions.close(request)
            logout(request)
            messages.info(request, why)
            return None  # the page itself redirects to the login
        step = pending_step(request)
        if request.user.is_authenticated:
            logs.name_caller(f"staff:{request.user.pk}")
        if step is None or match.view_name in {*_ALWAYS_OPEN, *_OPEN_PAGES[step]}:
            return None
        address = reverse(_OPEN_PAGES[step][0])
        if request.method == "GET":  # a form that was posted cannot be returned to
            address += "?" + urlencode({"next": request.get_full_path()})
        return redirect(address)


class CleanText:
    """The one rule for text that enters the console and the admin by a request.

    No database stores U+0000, nor half a surrogate pair, which UTF-7 holds and which Django would
    read where a request names that charset. So an address with U+0000 is refused, and so is every
    charset but that of the pages. In a form U+0000 is an error beside its field, by Django's
    own validator. A query string has a greatest length. The middleware stands before the first
    that reads a session or a form.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Nobody writes a cookie by hand, so a broken one is as good as none.
        for name in [n for n, text in request.COOKIES.items() if "\0" in text]:
            del request.COOKIES[name]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> None:
        match = request.resolver_match
        if match is None or _NAMESPACES.isdisjoint(match.namespaces):
            return
        # Not by `codecs.lookup`, which keeps each name that it does not know for ever.
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in _UTF_8:
            raise BadRequest("Pages of the console are read as UTF-8.")
        if len(request.META.get("QUERY_STRING", "")) > LONGEST_QUERY:
            raise BadRequest("The query is too long.")
        query = (text for name, texts in request.GET.lists() for text in (name, *texts))
        if "\0" in request.path or any("\0" in text for text in query):
            raise BadRequest("The address holds the character U+0000.")


class VisibleText:
    """Shows, in every HTML page, the characters that hide text or reverse its direction.

    Names, URLs and bodies come from partners and their receivers. Templates escape the markup
    in them; this is the one place that makes such characters visible, by their codes.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        if is_page and not response.streaming:
            response.content = untrusted_text.of_page(
                response.content.decode(response.charset)
            )
        return response
