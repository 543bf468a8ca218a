"""Answers a request that fails outside of the views: Django or a middleware refuses it, or raises.

Django would answer with an HTML page. A request to an interface gets the refusal in the shape
of that interface instead.
"""

import sys
from typing import Any

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.views import defaults

from webhooks.models import outages
from webhooks.models.outages import Unavailable
from webhooks.rest.view import ApiView


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """The portal's `handler400`."""
    if _is_of_an_outage(exception):
        return _unavailable()
    view = view_at(request.path_info)
    if view is None:
        return defaults.bad_request(request, exception)
    return view.refused(request, SuspiciousOperation())


def failed(request: HttpRequest) -> HttpResponseBase:
    """The portal's `handler500`, which Django calls while it handles the exception."""
    error = sys.exc_info()[1]
    view = view_at(request.path_info)
    if view is not None and isinstance(error, Exception):
        return view.refused(request, error)
    if not outages.is_outage(error):
        return defaults.server_error(request)
    return _unavailable()


def _is_of_an_outage(exception: BaseException) -> bool:
    """A session that cannot be saved is one that was deleted meanwhile, to Django."""
    error: BaseException | None = exception
    while isinstance(error, SessionInterrupted | UpdateError):
        error = error.__context__
    return outages.is_outage(error)


def _unavailable() -> HttpResponseBase:
    # Without the request: what Django adds to a page of it would ask the database.
    page = render(None, "503.html", status=503)
    page["Retry-After"] = str(Unavailable.wait)
    return page


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
