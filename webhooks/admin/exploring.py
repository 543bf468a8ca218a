"""The way into the browsable API, and out of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import unquote
from django.contrib.admindocs.views import simplify_regex
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import (
    Resolver404,
    URLPattern,
    URLResolver,
    get_resolver,
    resolve,
    reverse,
)
from django.views.decorators.http import require_POST

from webhooks.models import Partner
from webhooks.rest import explorer
from webhooks.rest.endpoint import Endpoint


@dataclass(frozen=True)
class Door:
    """A path of one interface. It can be opened as it stands when it names no object."""

    path: str
    methods: str
    opens: bool


def page(request: HttpRequest, model_admin: Any, object_id: str) -> HttpResponse:
    """What exploring means; by POST, its beginning; then the paths to begin with."""
    try:
        partner = Partner.objects.filter(pk=unquote(object_id)).first()
    except ValidationError:
        partner = None
    if partner is None:
        raise Http404
    if request.method == "POST":
        explorer.begin(request, partner)
        return redirect(request.path)
    explored = explorer.explored(request)
    return TemplateResponse(
        request,
        "admin/webhooks/partner/explore.html",
        {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "original": partner,
            "title": f"Explore as {partner}",
            "is_explored": explored == partner,
            "interfaces": doors() if explored == partner else {},
        },
    )


@require_POST
def leave(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """End exploring, and go back to the partner that was explored."""
    partner = explorer.leave(request)
    if partner is None:
        return redirect("admin:webhooks_partner_changelist")
    return redirect(reverse("admin:webhooks_partner_change", args=[partner.pk]))


def doors() -> dict[str, list[Door]]:
    """Every path that an interface answers, by interface; one for all its spellings."""
    found: dict[str, dict[str, Door]] = {}
    for pattern, route in _routes(get_resolver().url_patterns):
        callback: Any = pattern.callback
        view = getattr(callback, "cls", None)
        if not (isinstance(view, type) and issubclass(view, Endpoint)):
            continue
        if not view.has_forms:
            continue
        path = re.sub(r"<\w+:", "<", simplify_regex(route).rstrip("/"))
        methods = ", ".join(m.upper() for m in callback.actions if m != "head")
        interface = _interface(view.__module__)
        found.setdefault(interface, {}).setdefault(
            path.casefold(), Door(path, methods, opens=_opens(path))
        )
    return {name: list(paths.values()) for name, paths in sorted(found.items())}


def _interface(module: str) -> str:
    """The dialect whose folder a view's module is in; else it is of the portal's own API."""
    _, room, folder, *_ = module.split(".")
    return folder if room == "dialects" else "portal"


def _routes(patterns: Any, prefix: str = "") -> Iterator[tuple[URLPattern, str]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").removeprefix("(?i)")
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield pattern, route


def _opens(path: str) -> bool:
    try:
        match = resolve(path)
    except Resolver404:
        return False
    return "<" not in path and "get" in getattr(match.func, "actions", ())
