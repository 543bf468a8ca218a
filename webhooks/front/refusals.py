"""Answers a request that Django refuses before any view runs.

Django's middleware refuses an unknown Host with an HTML page. A request to an interface gets
the refusal in the shape of that interface instead.
"""

from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve
from django.views import defaults

from webhooks.rest.view import ApiView


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """The portal's `handler400`."""
    view = view_at(request.path_info)
    if view is None:
        return defaults.bad_request(request, exception)
    return view.refused(request, SuspiciousOperation())


def view_at(path: str) -> ApiView | None:
    """The view of an interface that a path leads to; None where it leads to a page."""
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return None
    view_class = getattr(view, "cls", None)
    if isinstance(view_class, type) and issubclass(view_class, ApiView):
        return view_class(**view.initkwargs)
    return None
