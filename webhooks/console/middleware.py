"""What stands before every page of the console and the admin.

A session that is over is ended, and no page opens to one that has shown half of what it
must. Interfaces of partners are not asked: they have no session, but for the browsable API,
which asks the same of its own.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from . import sessions, untrusted_text
from .login_step import Owed, owed

_ROOMS = {"admin", "staff"}
_ALWAYS = {"admin:login", "admin:logout"}

# What is owed -> (the page that takes it, all the pages that are open meanwhile)
_WAYS = {
    Owed.CODE: ("staff:enter-code", {"staff:enter-code"}),
    Owed.ENROLMENT: (
        "staff:second-factor",
        {"staff:second-factor", "staff:confirm-second-factor"},
    ),
}


class Doors:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        view = getattr(match and match.func, "view_class", None)
        # A part that refreshes itself would keep a session alive that nobody uses.
        sessions.note(
            request, is_sign_of_life=getattr(view, "is_asked_for_by_hand", True)
        )
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        if match is None or _ROOMS.isdisjoint(match.namespaces):
            return None
        if why := sessions.over(request):
            logout(request)
            messages.info(request, why)
            return None  # the page itself leads to the log-in
        if match.view_name in _ALWAYS:
            return None
        debt = owed(request)
        if debt is None or match.view_name in _WAYS[debt][1]:
            return None
        # Only what was to be read can be come back to.
        wanted = {"next": request.get_full_path()} if request.method == "GET" else {}
        way = reverse(_WAYS[debt][0])
        return redirect(f"{way}?{urlencode(wanted)}" if wanted else way)


class VisibleText:
    """In every HTML page, names the characters that hide text or turn its direction.

    Names, URLs and bodies come from partners and their receivers. Templates escape markup in
    them; this is the one place that makes such characters visible.
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
