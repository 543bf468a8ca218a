"""The browsable API: staff who call an interface as a partner, from their browser.

It opens only for a request that prefers HTML and carries the session of a member of staff
who has chosen a partner. Other requests ignore this module.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from csp.constants import UNSAFE_INLINE
from django.contrib.auth import get_user
from django.http import HttpRequest
from rest_framework.authentication import SessionAuthentication
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.console import exploring, logs
from webhooks.console.actor import staff_actor
from webhooks.operations import keys

from .caller import Caller


def is_exploring(request: HttpRequest | None) -> bool:
    """Whether `request` opens the browsable API. Costs a request with a key nothing."""
    if request is None or not _prefers_html(request):
        return False
    return exploring.is_exploring(request)


def opened(request: Request) -> bool:
    """Whether the browsable API was opened for `request`."""
    return any(isinstance(a, ExplorerSession) for a in request.authenticators or ())


def _prefers_html(request: HttpRequest) -> bool:
    # Every request with a key comes here, so the cheap check is first.
    if "text/html" not in request.META.get("HTTP_ACCEPT", ""):
        return False
    # The first of equals wins: what accepts anything is no browser.
    preferred = request.get_preferred_type(["application/json", "text/html"])
    return preferred == "text/html"


class ExplorerSession(SessionAuthentication):
    """Makes the explored partner the caller, and the member of staff the actor.

    Raises PermissionDenied for an unsafe method without its CSRF token, keys.Invalid
    for a partner that is gone and keys.PartnerInactive.
    """

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        actor = staff_actor(request._request)
        logs.name_caller(f"staff:{actor.id}")
        may_reveal = request._request.user.has_perm("webhooks.reveal_secret")
        # Nobody until the partner is known; `get_context` reads the member of staff itself.
        request.user = None  # type: ignore[assignment]
        partner = exploring.explored_partner(request._request)
        if partner is None:
            raise keys.Invalid
        if not partner.is_active:
            raise keys.PartnerInactive
        self.enforce_csrf(request)
        caller = Caller(partner=partner, key=None, actor=actor, may_reveal=may_reveal)
        return caller, None


class ExplorerPage(BrowsableAPIRenderer):
    """DRF's browsable API around the very answer that a key would get."""

    def render(self, *args: Any, **kwargs: Any) -> str:
        page: str = super().render(*args, **kwargs)
        # DRF's page does not say which language a screen reader is to speak.
        return page.replace("<html>", '<html lang="en">', 1)

    def get_content(
        self,
        renderer: Any,
        data: Any,
        accepted_media_type: str | None,
        renderer_context: Mapping[str, Any],
    ) -> str:
        body: bytes = renderer.render(data, accepted_media_type, renderer_context)
        return _indented(body)

    def get_rendered_html_form(
        self, data: Any, view: Any, method: str, request: Request
    ) -> Any:
        if not _takes(view, method):
            return None
        return super().get_rendered_html_form(data, view, method, request)

    def get_raw_data_form(
        self, data: Any, view: Any, method: str, request: Request
    ) -> Any:
        if not _takes(view, method):
            return None
        form: Any = super().get_raw_data_form(data, view, method, request)
        types = form.fields["_content_type"]
        types.choices = [choice for choice in types.choices if "*" not in choice[0]]
        return form

    def get_breadcrumbs(self, request: Request) -> list[tuple[str, str]]:
        return []  # a prefix of a vendor's path is no page of its own

    def get_context(
        self,
        data: Any,
        accepted_media_type: str | None,
        renderer_context: Mapping[str, Any],
    ) -> dict[str, Any]:
        context = super().get_context(data, accepted_media_type, renderer_context)
        http_request = renderer_context["request"]._request
        return {
            **context,
            "explored": exploring.explored_partner(http_request),
            # Not `http_request.user`, where DRF has put the caller or nobody.
            "staff": get_user(http_request),
            "response_headers": {
                "Content-Type": context["response_headers"]["Content-Type"],
                **renderer_context["response"].documented_headers,
            },
            # Of the one form that is documented there is no other to choose.
            "api_settings": {"URL_FORMAT_OVERRIDE": None},
        }


def as_page(request: Request, response: Response) -> None:
    """Send `response` as HTML, to be kept by nobody.

    A request that was refused before its key was checked, as by its method, has no caller
    yet. The page around the refusal must not look for one: that could be refused as well.
    """
    if not hasattr(request, "_user"):
        request.user = None  # type: ignore[assignment]
    # Django's own guess of the type, which is the page's and not the answer's, is left out.
    documented = {k: v for k, v in response.items() if k != "Content-Type"}
    if response.content_type is not None:
        documented["Content-Type"] = response.content_type
    response.documented_headers = documented  # type: ignore[attr-defined]
    response.content_type = None
    response["Cache-Control"] = "private, no-store"
    # DRF's page has attributes of style. Of scripts it needs none but its files.
    response._csp_update = {"style-src": [UNSAFE_INLINE]}  # type: ignore[attr-defined]


def _takes(view: Any, method: str) -> bool:
    return view.has_forms and method.lower() in (view.action_map or ())


def _indented(body: bytes) -> str:
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
