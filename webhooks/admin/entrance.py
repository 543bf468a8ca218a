"""The admin's pages of logging in and of one's password, where the console has its own.

They stay under their addresses, which the admin and its templates know, and so behind the
same doors.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from webhooks.console.login_redirect import onward

_log_in: Callable[..., HttpResponse] = admin.site.login


def log_in(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Who is logged in goes on to where it was to lead, and not to the admin's index."""
    if request.method == "GET" and admin.site.has_permission(request):
        return redirect(onward(request))
    return _log_in(request, extra_context)


def change_password(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """The console's page counts wrong guesses of the old password."""
    return redirect("staff:change-password")


# The site is unfold's own: there is no class of ours to override.
site: Any = admin.site
site.login = log_in
site.password_change = change_password
