"""The admin site: unfold's, with the console's own way in and its own navigation."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.sites import UnfoldAdminSite

from .login import redirect_target


class Site(UnfoldAdminSite):
    index_title = "Console"

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """A user who is logged in already goes to the address in `next`, not to the index."""
        if request.method == "GET" and self.has_permission(request):
            return redirect(redirect_target(request))
        page: HttpResponse = super().login(request, extra_context)
        return page

    def password_change(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """The console's page counts wrong guesses of the old password."""
        return redirect("staff:change-password")

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[Any]:
        """Of one app only. Every page asks for all of them, and none shows them: the sidebar
        and the index are built from the navigation."""
        if app_label is None:
            return []
        apps: list[Any] = super().get_app_list(request, app_label)
        return apps
